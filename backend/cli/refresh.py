"""`joren refresh`."""

import time
from datetime import timedelta

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.cli.runtime import print_json, run
from backend.services.refresh.loop import RefreshResult
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def refresh(
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON."),
    rebuild: bool = typer.Option(False, "--rebuild", help="Move all stored events again, into a lake that is empty."),
) -> None:
    """Bring facts up to date with everything stored: until nothing is new. Safe beside a worker, and safe to repeat.

    Example: joren refresh --json
    """

    async def work(services: Services) -> RefreshResult:
        if rebuild:
            await services.refresh.rebuild()
        return await _until_current(services)

    began = time.monotonic()
    result = run(work)
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {
                "events": result.events,
                "customers": result.customers,
                "upto_seq": result.upto_seq,
                "lag_seconds": round(result.lag.total_seconds(), 3),
                "seconds": round(seconds, 3),
            }
        )
    else:
        typer.echo(f"Up to date: {result.events:,} events moved, {result.customers:,} customers, {seconds:.1f} s.")


async def _until_current(services: Services) -> RefreshResult:
    """With a bar on stderr, so that stdout stays clean for ``--json``."""
    waiting = await services.refresh.waiting()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Moving events", total=waiting)
        moving = services.refresh.run_until_current(
            progress=lambda moved: progress.update(task, completed=moved, total=max(waiting, moved)),
            patience=timedelta(minutes=10),
        )
        return await moving
