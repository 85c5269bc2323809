"""`joren snapshots`: figures kept every day."""

from datetime import datetime

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.services.snapshots import Status
from backend.wiring import Services
from segments.snapshots import read_choice

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

ACTOR = "command line"

_AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def snapshots() -> None:
    """Figures of every business day, for everyone and for each segment, as they stood when it ended."""


@app.command("run")
def run_days(
    first: datetime = typer.Option(
        None, "--from", formats=["%Y-%m-%d"], help="Keep also the days since then that are not kept yet."
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Keep the figures of every day that has ended and is not done. Workers do it by themselves.

    Example: joren snapshots run --from 2026-01-01
    """

    async def work(services: Services) -> Status:
        if first:
            await services.snapshots.plan(first.date())
        while await services.snapshots.work():
            pass
        return await services.snapshots.status()

    _print(run(work), as_json=as_json)


@app.command()
def status(as_json: bool = _AS_JSON) -> None:
    """Show the ledger: which days are done, started, left undone by a crash, or waiting.

    Example: joren snapshots status --json
    """

    async def work(services: Services) -> Status:
        return await services.snapshots.status()

    _print(run(work), as_json=as_json)


@app.command()
def choose(
    kpis: list[str] = typer.Argument(
        ..., metavar="KPI…", help="KPIs, with options where they differ: SLUG?n=3&days=90."
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Choose the KPIs that are kept from now on. What is kept already stays.

    Example: joren snapshots choose launch_rate f2_conversion 'repeat_purchase_rate?n=3'
    """
    with failing_clearly():
        keys = [read_choice(kpi).key for kpi in kpis]

    async def work(services: Services) -> Status:
        await services.shop.change({"snapshot_kpis": keys}, actor=ACTOR)
        return await services.snapshots.status()

    _print(run(work), as_json=as_json)


def _print(found: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found.done} days done, {found.open} open, from {found.first or '—'} to {found.last or '—'}")
    for choice in found.choices:
        typer.echo(f"  {choice}")
    for each in found.runs:
        failed = f", {each.failed} failed" if each.failed else ""
        typer.echo(f"  {each.business_day}  {each.state:<8} {each.figures:>5} figures{failed}")
