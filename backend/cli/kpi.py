"""`joren kpi`: one figure with all that must stand beside it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl
import typer

from backend.cli.kpi_options import MembersOf, given_options, with_catalogue_options
from backend.cli.kpi_text import lines_of, trend_lines
from backend.cli.runtime import failing_clearly, print_json, run
from backend.cli.segments import find_segment
from backend.errors import BadInput
from backend.store.export_files import open_writer
from backend.wiring import Services
from segments.breakdown import by_name
from segments.exports import Encoding, FileFormat
from segments.metrics.answer import kpi_answer, metric_answer
from segments.metrics.catalog import CATALOG, get
from segments.metrics.options import read_options
from segments.metrics.result import KpiResult
from segments.metrics.tables import sheet_table, table
from segments.periods import NAMED
from segments.snapshots import TrendPoint, trend_answer
from segments.windows import Window

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_DAY = ["%Y-%m-%d"]
_MOMENT = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


class Language(StrEnum):
    """Languages of the words."""

    JA = "ja"
    EN = "en"


class Part(StrEnum):
    """What a file holds."""

    FIGURES = "figures"
    SHEET = "sheet"


@app.command()
@with_catalogue_options
def kpi(  # noqa: PLR0917 - typer declares options as parameters
    slug: str | None = typer.Argument(None, help="The KPI's name; without one the catalogue is listed."),
    first: datetime = typer.Option(None, "--from", formats=_DAY, help="First business day, included."),
    last: datetime = typer.Option(None, "--to", formats=_DAY, help="Last business day, included."),
    period: str = typer.Option(None, "--window", help=f"A window by name: {', '.join(NAMED)}."),
    segment: str = typer.Option(None, "--segment", help="Only members of this segment (name or number)."),
    members: MembersOf = typer.Option(MembersOf.COHORT, "--members", help="Members when it mattered, or today's."),
    by: str = typer.Option(None, "--by", help="Break down by an attribute: rank, store, age_band, platform, gender …"),
    compare: str = typer.Option(
        None, "--compare", help="previous, previous_year, previous_year_same_weekday, or segment:NAME."
    ),
    as_of: datetime = typer.Option(None, "--as-of", formats=_DAY, help="As the shop stood at the end of that day."),
    known_at: datetime = typer.Option(
        None, "--known-at", formats=_MOMENT, help="By what had arrived at that moment (the shop's time)."
    ),
    pairs: list[str] = typer.Option([], "--set", help="An option of the KPI as NAME=VALUE; may be repeated."),
    language: Language = typer.Option(Language.EN, "--language", help="Language of the words."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    csv: Path = typer.Option(None, "--csv", help="Write a CSV file; nothing is overwritten."),
    parquet: Path = typer.Option(None, "--parquet", help="Write a Parquet file; nothing is overwritten."),
    line: bool = typer.Option(
        False, "--trend", help="The figures kept day by day, with marks where a definition changed."
    ),
    part: Part = typer.Option(Part.FIGURES, "--part", help="What the file holds: the figures, or the KPI's own sheet."),
    **named: str | None,
) -> None:
    """Answer a KPI with its numerator, denominator, window and as-of time.

    Example: joren kpi repeat_purchase_rate --n 2 --window last_month --by rank --compare previous_year --json
    """
    if slug is None:
        _list_catalogue(language, as_json=as_json)
        return
    with failing_clearly():
        options = given_options(named, pairs)
        read_options(get(slug), options)
        asked = {**_when(first, last, period, as_of), "by": by and by_name(by).name, "compare": compare}
        files = {kind: path for kind, path in ((FileFormat.CSV, csv), (FileFormat.PARQUET, parquet)) if path}
        if line and (files or known_at or any(asked.values())):
            raise BadInput("Only --segment and the KPI's options go with --trend: it tells what was kept.")

    if line:
        _trend(slug, options, segment, language, as_json=as_json)
        return

    async def work(services: Services) -> tuple[KpiResult, str]:
        number = (await find_segment(services.segment_runs, segment)).segment.id if segment else None
        calendar = (await services.shop.get()).calendar
        moment = calendar.moment(known_at) if known_at else None
        asked.update(segment_id=number, as_of_rule=members.value, options=options, known_at=moment)
        return await services.insights.kpi(slug, **asked), calendar.zone

    result, zone = run(work)
    with failing_clearly():
        for kind, path in files.items():
            _write(_rows(result, part), path, kind, zone)
    if as_json:
        print_json(kpi_answer(result))
    elif not files:
        _print(lines_of(result, language.value))


def _trend(slug: str, options: dict[str, str], segment: str | None, language: Language, *, as_json: bool) -> None:
    async def work(services: Services) -> tuple[tuple[TrendPoint, ...], str]:
        number = (await find_segment(services.segment_runs, segment)).segment.id if segment else None
        points = await services.snapshots.trend(slug, options=options, segment_id=number)
        return points, (await services.shop.get()).currency

    points, currency = run(work)
    if as_json:
        print_json([trend_answer(point) for point in points])
        return
    _print(trend_lines(get(slug), points, currency, language.value))


def _print(lines: Iterable[str]) -> None:
    for text in lines:
        typer.echo(text)


def _when(first: datetime | None, last: datetime | None, period: str | None, as_of: datetime | None) -> dict[str, Any]:
    return {"window": _window(first, last, period), "period": period, "as_of": as_of and as_of.date()}


def _window(first: datetime | None, last: datetime | None, period: str | None) -> Window | None:
    if first is None and last is None:
        return None
    if period is not None:
        raise BadInput("Give either --window or --from and --to.", field="window")
    if first is None or last is None:
        raise BadInput("Give both --from and --to, or neither.", field="from" if first is None else "to")
    return Window(first.date(), last.date())


def _rows(result: KpiResult, part: Part) -> pl.DataFrame:
    if part is Part.FIGURES:
        return table([result])
    if result.measured.sheet is None:
        raise BadInput(f"{result.metric.slug} has no sheet; ask for --part figures.", field="part")
    return sheet_table(result.measured.sheet)


def _write(rows: pl.DataFrame, path: Path, kind: FileFormat, zone: str) -> None:
    if path.exists():
        raise BadInput(f"{path} is there already; nothing was written.", field="csv")
    columns: dict[str, Any] = dict(rows.schema)
    writer = open_writer(path, columns, file_format=kind, encoding=Encoding.UTF8, zone=zone)
    try:
        writer.write(rows)
    finally:
        written = writer.close()
    typer.echo(f"{path}: {written.rows} rows", err=True)


def _list_catalogue(language: Language, *, as_json: bool) -> None:
    if as_json:
        print_json([metric_answer(metric) for metric in CATALOG.values()])
        return
    for metric in CATALOG.values():
        typer.echo(f"{metric.slug:<26} {metric.title[language.value]}")
