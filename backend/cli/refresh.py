"""`joren refresh`."""

import time
from datetime import datetime, timedelta
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.cli.runtime import fail, print_json, run
from backend.services.refresh.loop import RefreshResult
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def refresh(
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON."),
    rebuild: bool = typer.Option(False, "--rebuild", help="Move all stored events again, into a lake that is empty."),
    as_of: datetime | None = typer.Option(
        None,
        "--as-of",
        formats=["%Y-%m-%d"],
        help="Write the customer frame of this past day, see --to; moves nothing.",
    ),
    to: Path | None = typer.Option(None, "--to", help="A new Parquet file for the frame of --as-of."),
) -> None:
    """Bring facts up to date with everything stored: until nothing is new. Safe beside a worker, and safe to repeat.

    Examples: joren refresh --json; joren refresh --as-of 2026-03-31 --to frame.parquet
    """
    if as_of is not None or to is not None:
        _write_past(as_of, to, as_json=as_json)
        return

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


def _write_past(as_of: datetime | None, to: Path | None, *, as_json: bool) -> None:
    """The frame of a past day into a file."""
    if as_of is None or to is None:
        fail("--as-of and --to go together: which day, and into which file.", status=2)
        return
    day, file = as_of.date(), to.absolute()
    count = run(lambda services: services.past_frames.write(day, file))
    if as_json:
        print_json({"as_of": day.isoformat(), "file": str(file), "customers": count})
    else:
        typer.echo(f"{count:,} customers as of {day} in {file}.")


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
