"""`joren source`."""

from datetime import datetime
from typing import Any

import typer

from backend.cli import token_keys
from backend.cli.durations import duration
from backend.cli.runtime import print_json, run
from backend.services.source_keys import Rotated, SourceKey, SourceSheet
from backend.services.sources import NewSource, SourceKind, SourceVolumes
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.add_typer(token_keys.app, name="token-key")
app.command("set")(token_keys.set_source)
app.command("token-report")(token_keys.report)


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
def rotate(
    name: str = typer.Argument(help="Name of the source that gets a new key."),
    overlap: str = typer.Option(help="How long the keys before it are still taken: 30d, 12h, or 0m for not at all."),
    json: bool = typer.Option(False, "--json", help="Print the new key as JSON."),
) -> None:
    """Make a new key, taken at once, and let the others end after the overlap.

    Example: joren source rotate "Store app" --overlap 30d
    """
    length = duration(overlap)

    async def work(services: Services) -> Rotated:
        return await services.source_keys.rotate(await services.source_keys.find(name), overlap=length)

    made = run(work)
    if json:
        print_json(made)
    else:
        typer.echo(f"New write key of {made.name}: {made.write_key}")
        typer.echo(f"The keys before it are taken until {made.others_end_at:%Y-%m-%d %H:%M} UTC.")


@app.command()
def keys(
    name: str = typer.Argument(help="Name of the source."),
    json: bool = typer.Option(False, "--json", help="Print the source with its keys as JSON."),
) -> None:
    """List a source's keys with their ends and when each was last used.

    Example: joren source keys "Store app"
    """

    async def work(services: Services) -> tuple[SourceSheet, datetime]:
        return await services.source_keys.sheet(await services.source_keys.find(name)), services.clock.now()

    sheet, now = run(work)
    if json:
        print_json(sheet)
        return
    for key in sheet.keys:
        used = f"last used {key.last_used:%Y-%m-%d %H:%M}" if key.last_used else "never used"
        typer.echo(f"{key.key_id:6}  {key.write_key or '…' + key.hint:44} {_key_state(key, now)}, {used}")


@app.command()
def limit(
    name: str = typer.Argument(help="Name of the source."),
    key: str = typer.Option(help="Events a minute by one key: a number, 0 for no limit, or default."),
    address: str = typer.Option(help="Events a minute from one client address: a number, 0 for no limit, or default."),
) -> None:
    """Set how much a source may send. What is beyond it is answered 429, which clients repeat later.

    Example: joren source limit "Store app" --key default --address 6000
    """
    key_limit, address_limit = _limit(key), _limit(address)

    async def work(services: Services) -> Any:
        source_id = await services.source_keys.find(name)
        await services.source_keys.set_limits(source_id, key_limit=key_limit, address_limit=address_limit)

    run(work)
    typer.echo(f"The limits of {name} are set; running servers follow within seconds.")


@app.command()
def revoke(
    name: str = typer.Argument(help="Name of the source whose keys are to be refused."),
    key: int | None = typer.Option(None, help="Number of the one key to refuse, as `joren source keys` lists it."),
) -> None:
    """Refuse every key of a source, or one, from now on. What it sent stays.

    Example: joren source revoke "Store app" --key 3
    """

    async def work(services: Services) -> Any:
        if key is None:
            await services.sources.revoke(name)
        else:
            await services.source_keys.revoke(await services.source_keys.find(name), key)

    run(work)
    what = "Every key" if key is None else f"Key {key}"
    typer.echo(f"{what} of {name} is refused from now on; running servers follow within seconds.")


def _limit(text: str) -> int | None:
    if text == "default":
        return None
    if not text.isascii() or not text.isdigit():
        raise typer.BadParameter(f"{text!r} is neither a number nor default.")
    return int(text)


def _key_state(key: SourceKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
    if key.expires_at is None:
        return "in force"
    return f"{'ends' if key.expires_at > now else 'ended'} {key.expires_at:%Y-%m-%d %H:%M} UTC"


def _state(row: SourceVolumes) -> str:
    if row.revoked_at is not None:
        return f"revoked {row.revoked_at:%Y-%m-%d %H:%M} UTC"
    return "never" if row.last_seen is None else f"{row.last_seen:%Y-%m-%d %H:%M} UTC"
