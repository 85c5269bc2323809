"""`joren api-key`."""

from datetime import datetime
from typing import Any

import typer

from backend.cli.durations import duration
from backend.cli.runtime import print_json, run
from backend.services.api_keys import SCOPES, ApiKey
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def api_key() -> None:
    """Keys of server programs that read and steer through the API."""


@app.command()
def create(
    name: str = typer.Argument(help="Name of the program that will use the key."),
    scope: list[str] = typer.Option(help=f"What it may do, repeated; * for all. There are: {', '.join(SCOPES)}."),
    expires: str | None = typer.Option(None, help="How long it works: 90d, 12h. Without it the key does not expire."),
    json: bool = typer.Option(False, "--json", help="Print the key as JSON."),
) -> None:
    """Create a key and print it, this once: only a hash is kept.

    Example: joren api-key create "data warehouse" --scope customers:read --scope exports:read --expires 365d --json
    """
    length = None if expires is None else duration(expires)

    async def work(services: Services) -> str:
        ends = None if length is None else services.clock.now() + length
        return await services.api_keys.create(name, scopes=scope, expires_at=ends)

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

    async def work(services: Services) -> tuple[tuple[ApiKey, ...], datetime]:
        return await services.api_keys.list(), services.clock.now()

    found, now = run(work)
    if json:
        print_json(found)
        return
    for each in found:
        used = f"last used {each.last_used:%Y-%m-%d}" if each.last_used else "never used"
        typer.echo(f"{each.name:32} …{each.hint:4} {_state(each, now)}, {used}: {' '.join(each.scopes)}")
    if not found:
        typer.echo("There are no keys yet; make one with: joren api-key create NAME --scope SCOPE")


@app.command()
def limit(
    name: str = typer.Argument(help="Name of the key."),
    requests: str = typer.Argument(help="Requests a minute: a number, 0 for no limit, or default."),
) -> None:
    """Set how many requests a minute a key may make; more are answered 429.

    Example: joren api-key limit "data warehouse" 600
    """
    if requests != "default" and not (requests.isascii() and requests.isdigit()):
        raise typer.BadParameter(f"{requests!r} is neither a number nor default.")
    chosen = None if requests == "default" else int(requests)

    async def work(services: Services) -> Any:
        await services.api_keys.set_limit(name, request_limit=chosen)

    run(work)
    typer.echo(f"The limit of {name} is set.")


@app.command()
def revoke(name: str = typer.Argument(help="Name of the key to refuse from now on.")) -> None:
    """Refuse a key from now on.

    Example: joren api-key revoke "data warehouse"
    """

    async def work(services: Services) -> Any:
        await services.api_keys.revoke(name)

    run(work)
    typer.echo(f"{name} is refused from now on.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "in force"
    return f"{'expired' if key.expires_at <= now else 'expires'} {key.expires_at:%Y-%m-%d %H:%M} UTC"
