"""A figure as lines for a terminal: the value with its unit, what it is made of, and every table that belongs to it."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_precision

from segments.metrics.metric import Cell, Column, Measured, Metric, Sheet, Triangle, Unit, Value
from segments.metrics.result import Breakdown, Comparison, KpiResult, difference
from segments.snapshots import TrendPoint

_NONE = "—"
_MOST_ROWS = 50
_WIDE = 30


def lines_of(result: KpiResult, language: str) -> Iterator[str]:
    """Everything that stands beside the figure."""
    measured, metric = result.measured, result.metric
    state = " (incomplete)" if measured.incomplete else ""
    yield f"{metric.title[language]}: {value_text(measured.value, metric.unit, result.currency)}{state}"
    if measured.interval:
        low, high = (value_text(bound, metric.unit, result.currency) for bound in measured.interval)
        yield f"  95 % interval {low} to {high}"
    yield f"  {_numerator(measured, metric.unit, result.currency):>12}  {metric.numerator[language]}"
    if measured.denominator is not None:
        yield f"  {measured.denominator:>12,}  {metric.denominator[language]}"
    yield f"  {measured.window.first} – {measured.window.last}, as of {_as_of(result)}"
    if result.segment:
        yield f"  Segment {result.segment.name}, version {result.segment.version}"
    yield from (f"  * {remark}" for remark in result.remarks(language))
    yield from _tables(result, language)


def trend_lines(metric: Metric, points: Sequence[TrendPoint], currency: str, language: str) -> Iterator[str]:
    """The line of kept figures, oldest first; ``changed`` where the segment's rule or the definition did."""
    yield metric.title[language]
    if not points:
        yield "  nothing is kept of it yet with these options: joren snapshots status says what is"
        return
    head = ["day", "value", "numerator", "denominator", "version", ""]
    rows = [
        [
            str(point.snapshot.business_day),
            value_text(point.snapshot.value, metric.unit, currency) + ("*" if point.snapshot.incomplete else ""),
            f"{point.snapshot.numerator:,.15g}",
            _NONE if point.snapshot.denominator is None else f"{point.snapshot.denominator:,}",
            str(point.snapshot.segment_version or _NONE),
            "changed" if point.changed else "",
        ]
        for point in points
    ]
    yield from _aligned([head, *rows], numbers=range(1, 5))


def value_text(value: float | None, unit: Unit, currency: str) -> str:
    """A value in its unit; a dash where there is none."""
    return _NONE if value is None else _WRITTEN.get(unit, _plain)(value, currency)


def _numerator(measured: Measured, unit: Unit, currency: str) -> str:
    number = measured.numerator
    if unit is Unit.MONEY:
        return _money(number, currency)
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"


def _plain(value: float, _: str) -> str:
    return f"{value:,.2f}"


def _money(value: float, currency: str) -> str:
    digits = get_currency_precision(currency)
    return f"{currency} {Decimal(round(value)).scaleb(-digits):,.{digits}f}"


def _number(value: float) -> str:
    """Whole numbers as such; what is small with digits that tell something."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"


_WRITTEN: dict[Unit, Callable[[float, str], str]] = {
    Unit.RATE: lambda value, _: f"{value:.2%}",
    Unit.PEOPLE: lambda value, _: f"{value:,.0f}",
    Unit.MONEY: _money,
    Unit.NUMBER: lambda value, _: _number(value),
    Unit.DAYS: lambda value, _: f"{value:,.1f} d",
    Unit.SCORE: lambda value, _: f"{value:+,.1f}",
    Unit.MULTIPLE: lambda value, _: f"{value:,.2f}×",
}


def _as_of(result: KpiResult) -> str:
    day = f"the end of {result.as_of_day}" if result.as_of_day else result.as_of.isoformat()
    return str(day)


def _tables(result: KpiResult, language: str) -> Iterator[str]:
    if result.compared:
        yield from _comparison(result, result.compared)
    if result.breakdown:
        yield from _breakdown(result, result.breakdown, language)
    if result.measured.table:
        yield from _triangle(result.measured.table)
    if result.measured.sheet:
        yield from _sheet(result.measured.sheet, result.currency, language)


def _comparison(result: KpiResult, compared: Comparison) -> Iterator[str]:
    measured, unit = compared.measured, result.metric.unit
    what = f"segment {compared.segment.name}" if compared.segment else compared.how.replace("_", " ")
    span = f"{measured.window.first} – {measured.window.last}"
    yield f"  against {what} ({span}): {_short(measured, unit, result.currency)}, {_change(result.change, unit, result.currency)}"


def _breakdown(result: KpiResult, breakdown: Breakdown, language: str) -> Iterator[str]:
    unit, currency = result.metric.unit, result.currency
    yield f"  by {breakdown.title[language]} ({breakdown.rule})"
    head = ["", "value", "numerator", "denominator", *(["compared", "change"] if result.compared else [])]
    rows = [
        [
            each.group.name(language),
            _short(each.measured, unit, currency),
            _numerator(each.measured, unit, currency),
            _NONE if each.measured.denominator is None else f"{each.measured.denominator:,}",
            *_compared_cells(each.measured, each.compared, unit, currency),
        ]
        for each in breakdown.groups
    ]
    yield from _aligned([head, *rows], numbers=range(1, len(head)))


def _compared_cells(now: Measured, before: Measured | None, unit: Unit, currency: str) -> list[str]:
    if before is None:
        return []
    return [_short(before, unit, currency), _change(difference(now, before), unit, currency)]


def _short(measured: Measured, unit: Unit, currency: str) -> str:
    return value_text(measured.value, unit, currency) + ("*" if measured.incomplete else "")


def _change(change: float | None, unit: Unit, currency: str) -> str:
    if change is None:
        return _NONE
    if unit is Unit.RATE:
        return f"{change * 100:+.2f} pt"
    text = value_text(abs(change), unit, currency).removeprefix("+")
    return f"{'-' if change < 0 else '+'}{text}"


def _sheet(sheet: Sheet, currency: str, language: str) -> Iterator[str]:
    yield f"  {sheet.shape}"
    head = [getattr(column, language) for column in sheet.columns]
    rows = [
        [cell_text(value, column, currency, language) for value, column in zip(row, sheet.columns, strict=True)]
        for row in sheet.rows[:_MOST_ROWS]
    ]
    numbers = [place for place, column in enumerate(sheet.columns) if column.unit]
    yield from _aligned([head, *rows], numbers=numbers)
    if len(sheet.rows) > _MOST_ROWS:
        yield f"  … and {len(sheet.rows) - _MOST_ROWS} more rows: ask for --json, --csv or --parquet"


def cell_text(value: Value, column: Column, currency: str, language: str) -> str:
    """A cell of a sheet in words."""
    if value is None:
        return _NONE
    if isinstance(value, str) and value in column.codes:
        return column.codes[value][language]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if column.unit:
        return value_text(value, column.unit, currency)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _aligned(rows: Sequence[Sequence[str]], *, numbers: Iterable[int]) -> Iterator[str]:
    """Columns side by side, numbers to the right; full-width letters count twice."""
    right = {*numbers}
    cut = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(_width(cell) for cell in column) for column in zip(*cut, strict=True)]
    for row in cut:
        cells = (
            " " * (width - _width(cell)) + cell if place in right else cell + " " * (width - _width(cell))
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "    " + "  ".join(cells).rstrip()


def _cut(text: str) -> str:
    while _width(text) > _WIDE:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _triangle(triangle: Triangle) -> Iterator[str]:
    for cohort in triangle.cohorts:
        yield _row(cohort.start, cohort.size, cohort.cells)
    if triangle.pooled:
        yield _row("pooled", triangle.pooled[0].denominator, triangle.pooled)


def _row(name: date | str, size: int, cells: tuple[Cell, ...]) -> str:
    shares = (
        f"{cell.value:.0%}{'*' if cell.incomplete else ''}" if cell.value is not None else _NONE for cell in cells
    )
    return f"  {name!s:<10} {size:>7,}  " + " ".join(f"{share:>5}" for share in shares)
