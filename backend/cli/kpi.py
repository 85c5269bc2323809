"""`joren kpi`: one figure with all that must stand beside it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import typer

from backend.cli.runtime import failing_clearly, print_json, run
from backend.cli.segments import find_segment
from backend.errors import BadInput
from backend.wiring import Services
from segments.metrics.catalog import CATALOG, get
from segments.metrics.metric import Cell, Measured, Triangle, Unit
from segments.metrics.options import read_options
from segments.metrics.result import KpiResult
from segments.windows import Window

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Language(StrEnum):
    """Languages of the words."""

    JA = "ja"
    EN = "en"


class MembersOf(StrEnum):
    """When a customer's membership of the segment is looked at."""

    COHORT = "cohort"
    TODAY = "today"


def _option(name: str, text: str) -> Any:
    return typer.Option(None, f"--{name}", help=text)


@app.command()
def kpi(  # noqa: PLR0917 - typer declares options as parameters
    slug: str | None = typer.Argument(None, help="The KPI's name; without one the catalogue is listed."),
    first: datetime = typer.Option(None, "--from", formats=["%Y-%m-%d"], help="First business day, included."),
    last: datetime = typer.Option(None, "--to", formats=["%Y-%m-%d"], help="Last business day, included."),
    segment: str = typer.Option(None, "--segment", help="Only members of this segment (name or number)."),
    members: MembersOf = typer.Option(MembersOf.COHORT, "--members", help="Members when it mattered, or today's."),
    n: str = _option("n", "How many times, or which period."),
    days: str = _option("days", "Days within which to come back."),
    basis: str = _option("basis", "What counts as one purchase: days, receipts or store_days."),
    start: str = _option("start", "Retention: the event that starts."),
    return_: str = _option("return", "Retention: the event that counts as coming back."),
    starts: str = _option("starts", "Retention: first or every start."),
    k: str = _option("k", "Retention: at least k."),
    count_by: str = _option("count-by", "Retention: k counts events or days."),
    type_: str = _option("type", "Retention: exact, range or rolling."),
    unit: str = _option("unit", "Retention: day, week or month."),
    a: str = _option("a", "Retention: range from this period."),
    b: str = _option("b", "Retention: range to this period."),
    horizon: str = _option("horizon", "Retention: pooled figures use cohorts complete for it."),
    periods: str = _option("periods", "Retention: columns of the table."),
    language: Language = typer.Option(Language.EN, "--language", help="Language of the words."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Answer a KPI with its numerator, denominator, window and as-of time.

    Example: joren kpi repeat_purchase_rate --n 2 --from 2026-01-01 --to 2026-03-31 --json
    """
    if slug is None:
        _list_catalogue(language, as_json=as_json)
        return
    given = {"n": n, "days": days, "basis": basis, "start": start, "return": return_, "starts": starts, "k": k}
    given |= {"count_by": count_by, "type": type_, "unit": unit, "a": a, "b": b, "horizon": horizon, "periods": periods}
    options = {name: value for name, value in given.items() if value is not None}
    with failing_clearly():
        read_options(get(slug), options)
        window = _window(first, last)

    async def work(services: Services) -> KpiResult:
        number = (await find_segment(services.segment_runs, segment)).segment.id if segment else None
        return await services.insights.kpi(
            slug, window=window, segment_id=number, as_of_rule=members.value, options=options
        )

    result = run(work)
    if as_json:
        print_json(answer(result))
    else:
        _print(result, language.value)


def answer(result: KpiResult) -> dict[str, Any]:
    """The figure as one JSON document."""
    measured, metric = result.measured, result.metric
    return {
        "slug": metric.slug,
        "title": metric.title,
        "unit": metric.unit,
        "value": measured.value,
        "numerator": measured.numerator,
        "denominator": measured.denominator,
        "window": {"from": measured.window.first, "to": measured.window.last},
        "incomplete": measured.incomplete,
        "as_of": result.as_of,
        "options": measured.options,
        "currency": result.currency if metric.unit is Unit.MONEY else None,
        "segment": result.segment,
        "members": result.rule,
        "recomputed": result.recomputed,
        "notes": [{"code": code, "ja": ja, "en": en} for code, ja, en in _notes(result)],
        "words": {"numerator": metric.numerator, "denominator": metric.denominator, "definition": metric.definition},
        "table": _table(measured.table),
    }


def _notes(result: KpiResult) -> list[tuple[str, str, str]]:
    return list(zip(result.measured.notes, result.remarks("ja"), result.remarks("en"), strict=True))


def _table(triangle: Triangle | None) -> dict[str, Any] | None:
    if triangle is None:
        return None
    cohorts = [
        {"start": cohort.start, "size": cohort.size, "cells": [_cell(cell) for cell in cohort.cells]}
        for cohort in triangle.cohorts
    ]
    pooled = [_cell(cell) for cell in triangle.pooled]
    return {"unit": triangle.unit, "horizon": triangle.horizon, "cohorts": cohorts, "pooled": pooled}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "period": cell.period,
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "value": cell.value,
        "incomplete": cell.incomplete,
    }


def _window(first: datetime | None, last: datetime | None) -> Window | None:
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise BadInput("Give both --from and --to, or neither.", field="from" if first is None else "to")
    return Window(first.date(), last.date())


def _list_catalogue(language: Language, *, as_json: bool) -> None:
    if as_json:
        print_json(list(CATALOG.values()))
        return
    for metric in CATALOG.values():
        typer.echo(f"{metric.slug:<26} {metric.title[language.value]}")


def _print(result: KpiResult, language: str) -> None:
    measured, metric = result.measured, result.metric
    state = " (incomplete)" if measured.incomplete else ""
    typer.echo(f"{metric.title[language]}: {_value(measured, metric.unit)}{state}")
    typer.echo(f"  {measured.numerator:>12,}  {metric.numerator[language]}")
    if measured.denominator is not None:
        typer.echo(f"  {measured.denominator:>12,}  {metric.denominator[language]}")
    typer.echo(f"  {measured.window.first} – {measured.window.last}, as of {result.as_of.isoformat()}")
    if result.segment:
        typer.echo(f"  Segment {result.segment.name}, version {result.segment.version}")
    for remark in result.remarks(language):
        typer.echo(f"  * {remark}")
    if measured.table:
        _print_triangle(measured.table)


def _value(measured: Measured, unit: Unit) -> str:
    if measured.value is None:
        return "—"
    return {Unit.RATE: f"{measured.value:.2%}", Unit.PEOPLE: f"{measured.value:,.0f}"}.get(
        unit, f"{measured.value:,.2f}"
    )


def _print_triangle(triangle: Triangle) -> None:
    for cohort in triangle.cohorts:
        typer.echo(_row(cohort.start, cohort.size, cohort.cells))
    if triangle.pooled:
        typer.echo(_row("pooled", triangle.pooled[0].denominator, triangle.pooled))


def _row(name: date | str, size: int, cells: tuple[Cell, ...]) -> str:
    shares = (f"{cell.value:.0%}{'*' if cell.incomplete else ''}" if cell.value is not None else "—" for cell in cells)
    return f"  {name!s:<10} {size:>7,}  " + " ".join(f"{share:>5}" for share in shares)
