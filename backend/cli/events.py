"""`joren events`."""

from typing import Any

import typer

from backend.cli import failed_events
from backend.cli.runtime import print_json, run
from backend.services.event_volumes import NameVolume
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
app.add_typer(failed_events.app, name="failed")
app.command()(failed_events.replay)


@app.callback()
def events() -> None:
    """What was stored, what failed, and the way back."""


@app.command()
def count(json: bool = typer.Option(False, "--json", help="Print the counts as JSON.")) -> None:
    """Count events by name: stored, repeated (recognised and not stored again), failed (kept with a reason).

    Example: joren events count --json
    """

    async def work(services: Services) -> tuple[tuple[NameVolume, ...], dict[str, int]]:
        return await services.event_volumes.totals(), await services.sources.failures()

    volumes, failures = run(work)
    if json:
        print_json(_totals(volumes) | {"events": volumes, "failed_by_code": failures})
        return
    typer.echo(f"{'EVENT':32} {'STORED':>12} {'REPEATED':>12} {'FAILED':>8}")
    for row in volumes:
        typer.echo(f"{row.name or '(unreadable)':32} {row.stored:12} {row.repeated:12} {row.failed:8}")
    totals = _totals(volumes)
    typer.echo(f"{'in all':32} {totals['stored']:12} {totals['repeated']:12} {totals['failed']:8}")


def _totals(volumes: tuple[NameVolume, ...]) -> dict[str, Any]:
    return {
        "stored": sum(row.stored for row in volumes),
        "repeated": sum(row.repeated for row in volumes),
        "failed": sum(row.failed for row in volumes),
    }


@app.command()
def refused(
    number: int | None = typer.Argument(None, help="Print the bytes of this one, as they came."),
    json: bool = typer.Option(False, "--json", help="Print the list as JSON."),
) -> None:
    """List requests that were refused for good (400, 401, 413): their senders have thrown the events away.

    The first ones of each hour are kept for a week. Mend the cause; what can be saved, send again to /v1/batch.

    Example: joren events refused
    Example: joren events refused 17 > body.json
    """
    if number is not None:
        wanted = number
        typer.echo(run(lambda services: services.refusals.detail(wanted)).body, nl=False)
        return
    requests = run(lambda services: services.refusals.newest())
    if json:
        print_json({"refused": requests})
        return
    typer.echo(f"{'NUMBER':>8}  {'TIME (UTC)':19}  {'STATUS':6}  {'BYTES':>9}  {'PATH':14}  WHY")
    for row in requests:
        moment = f"{row.refused_at:%Y-%m-%d %H:%M:%S}"
        typer.echo(f"{row.refused_id:8}  {moment}  {row.status:6}  {row.size:9}  {row.path:14}  {row.message}")
