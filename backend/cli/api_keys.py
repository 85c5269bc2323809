"""`joren api-key`."""

from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.services.api_keys import ApiKey
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def api_key() -> None:
    """Keys of server programs that read and steer through the API."""


@app.command()
def create(
    name: str = typer.Argument(help="Name of the program that will use the key."),
    json: bool = typer.Option(False, "--json", help="Print the key as JSON."),
) -> None:
    """Create a key and print it, this once: only a hash is kept.

    Example: joren api-key create "data warehouse" --json
    """

    async def work(services: Services) -> str:
        return await services.api_keys.create(name)

    key = run(work)
    if json:
        print_json({"name": name, "key": key})
    else:
        typer.echo(f"Created {name}. Key: {key}\nSend it as: Authorization: Bearer {key}")


@app.command("list")
def show(json: bool = typer.Option(False, "--json", help="Print the keys as JSON.")) -> None:
    """List the keys by name, with when each was last used.

    Example: joren api-key list --json
    """

    async def work(services: Services) -> tuple[ApiKey, ...]:
        return await services.api_keys.list()

    found = run(work)
    if json:
        print_json(found)
        return
    for each in found:
        state = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else "in force"
        used = f"last used {each.last_used:%Y-%m-%d}" if each.last_used else "never used"
        typer.echo(f"{each.name:32} {state}, {used}")
    if not found:
        typer.echo("There are no keys yet; make one with: joren api-key create NAME")


@app.command()
def revoke(name: str = typer.Argument(help="Name of the key to refuse from now on.")) -> None:
    """Refuse a key from now on.

    Example: joren api-key revoke "data warehouse"
    """

    async def work(services: Services) -> Any:
        await services.api_keys.revoke(name)

    run(work)
    typer.echo(f"{name} is refused from now on.")
