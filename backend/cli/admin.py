"""`joren admin`."""

import sys

import typer

from backend.cli.runtime import run
from backend.errors import BadInput
from backend.services.access.accounts import Created, Role
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def admin() -> None:
    """Administrators of the admin pages."""


@app.command()
def create(
    email: str = typer.Option(..., help="Mail address, with which the person signs in."),
    name: str = typer.Option(..., help="Name shown on pages and in the audit log."),
    role: Role = typer.Option(Role.ADMINISTRATOR, help="administrator, marketer or viewer."),
    language: str = typer.Option("ja", help="Language of the pages: ja or en."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
) -> None:
    """Create an administrator. Without --password-stdin a password is generated and printed once.

    Example: joren admin create --email hanako@example.jp --name "山田 花子" --role marketer
    """

    async def work(services: Services) -> Created:
        password = _password() if password_stdin else None
        return await services.access.create(
            email=email, name=name, role=role, language=language, password=password, actor="command line"
        )

    created = run(work)
    typer.echo(f"Created {created.administrator.role} {created.administrator.email}.")
    if created.password is not None:
        typer.echo(f"Password (shown once): {created.password}")


def _password() -> str:
    """The first line of standard input."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise BadInput("Standard input holds no password: pipe one in, or leave out --password-stdin.")
    return password
