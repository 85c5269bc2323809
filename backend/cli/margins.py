"""`joren shop margins`: what share of net sales is gross margin, by product category and for the rest."""

from datetime import datetime

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.errors import BadInput
from backend.services.margins import Stored
from backend.wiring import Services
from segments.metrics.margin_rates import read_percent, read_rate, write_percent

ACTOR = "command line"


def margins(
    categories: list[str] | None = typer.Argument(
        None, metavar="[CATEGORY=PERCENT…]", help="Rates of categories, as order lines name them."
    ),
    default: str | None = typer.Option(None, "--default", help="Percent for every other category; unknown unless set."),
    begins: datetime | None = typer.Option(
        None,
        "--from",
        formats=["%Y-%m-%d"],
        help="First business day it holds for; also one of the past. Unset: today.",
    ),
    forget: bool = typer.Option(False, "--unknown", help="No margin is known from that day on."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the versions of the gross margin rates, or add one; a version names all rates that hold from its day on.

    Example: joren shop margins tea=62.5 beans=40 --default 30 --from 2026-04-01
    """
    with failing_clearly():
        rates, rest = _read(categories or [], default)
    adds = bool(rates) or rest is not None or forget

    async def work(services: Services) -> tuple[Stored, ...]:
        if adds:
            day = begins.date() if begins else None
            await services.margins.add(default=rest, categories=rates, valid_from=day, actor=ACTOR)
        return await services.margins.versions()

    _print(run(work), as_json=as_json)


def _read(given: list[str], default: str | None) -> tuple[dict[str, int], int | None]:
    try:
        pairs = [read_rate(each) for each in given]
        rest = None if default is None else read_percent(default)
    except ValueError as error:
        raise BadInput(f"{error}.", code="bad_margin", field="categories") from error
    if len(rates := dict(pairs)) < len(pairs):
        raise BadInput("A category is named twice.", code="bad_margin", field="categories")
    return rates, rest


def _print(versions: tuple[Stored, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(versions)
        return
    if not versions:
        typer.echo("No margin is known: ltv_margin is withheld until a rate is set.")
    for one in versions:
        rates = one.rates
        named = ", ".join(f"{name} {write_percent(rate)} %" for name, rate in rates.categories)
        rest = "unknown" if rates.default is None else f"{write_percent(rates.default)} %"
        typer.echo(
            f"{rates.version:>3}  from {rates.valid_from}  default {rest}{'; ' if named else ''}{named}  set by {one.saved_by}"
        )
