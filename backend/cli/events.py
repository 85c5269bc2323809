"""`joren events`."""

from typing import Any

import typer

from backend.cli.runtime import print_json, run
from backend.services.sources import NameVolume
from backend.wiring import Services

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def events() -> None:
    """What was stored."""


@app.command()
def count(json: bool = typer.Option(False, "--json", help="Print the counts as JSON.")) -> None:
    """Count events by name: stored, repeated (recognised and not stored again), failed (kept with a reason).

    Example: joren events count --json
    """

    async def work(services: Services) -> tuple[tuple[NameVolume, ...], dict[str, int]]:
        return await services.sources.volumes(), await services.sources.failures()

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
