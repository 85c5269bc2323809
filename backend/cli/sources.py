"""`joren source`."""

from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.services.sources import NewSource, SourceKind, SourceVolumes
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def source() -> None:
    """Sources of events and their keys."""


@app.command()
def create(
    name: str = typer.Argument(help="Name of the app, till or server that will send events."),
    kind: str = typer.Option(
        SourceKind.APP.value, help="app: its key is public. server: its key is a secret and its events are trusted."
    ),
    json: bool = typer.Option(False, "--json", help="Print the source as JSON."),
) -> None:
    """Create a source and print its write key. A server's key is shown this once.

    Example: joren source create "Store app" --kind app --json
    """

    async def work(services: Services) -> NewSource:
        return await services.sources.create(name, kind=kind)

    made = run(work)
    if json:
        print_json(made)
    else:
        typer.echo(f"Created {made.kind} source {made.name}. Write key: {made.write_key}")


@app.command("list")
def show(json: bool = typer.Option(False, "--json", help="Print the sources as JSON.")) -> None:
    """List the sources with what came from them.

    Example: joren source list --json
    """

    async def work(services: Services) -> tuple[SourceVolumes, ...]:
        return await services.sources.list()

    found = run(work)
    if json:
        print_json(found)
        return
    typer.echo(f"{'NAME':24} {'KIND':8} {'STORED':>10} {'REPEATED':>10} {'FAILED':>8}  LAST SEEN")
    for row in found:
        typer.echo(f"{row.name:24} {row.kind:8} {row.stored:10} {row.repeated:10} {row.failed:8}  {_state(row)}")


@app.command()
def revoke(name: str = typer.Argument(help="Name of the source whose key is to be refused.")) -> None:
    """Refuse a source's key from now on. What it sent stays.

    Example: joren source revoke "Store app"
    """

    async def work(services: Services) -> Any:
        await services.sources.revoke(name)

    run(work)
    typer.echo(f"The key of {name} is refused from now on; running servers follow within seconds.")


def _state(row: SourceVolumes) -> str:
    if row.revoked_at is not None:
        return f"revoked {row.revoked_at:%Y-%m-%d %H:%M} UTC"
    return "never" if row.last_seen is None else f"{row.last_seen:%Y-%m-%d %H:%M} UTC"
