"""A KPI's tables as the pages show them: groups of a breakdown, sheets of any shape, the line of kept figures. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from admin_ui import charts, filters
from admin_ui.i18n import Say
from admin_ui.viewmodels import HEAT_STEPS, Change, amount, change_of, plain_number, written
from segments.events import VOCABULARY
from segments.metrics.metric import Column, Measured, Metric, Shape, Sheet, Unit, Value
from segments.metrics.result import Breakdown, KpiResult, difference
from segments.public_holidays import holiday_name
from segments.snapshots import TrendPoint
from segments.windows import Window

_EVENTS: dict[str, Any] = {str(event.name): event for event in VOCABULARY}
MOST_ROWS = 200
MOST_BARS = 12
MOST_HOLIDAYS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group, or one audience: its figure and what it is compared with."""

    name: str
    value: str
    share: float
    numerator: str
    denominator: str
    incomplete: bool
    compared: str
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsView:
    """A breakdown."""

    title: str
    whose: str
    today: bool
    rows: tuple[GroupRow, ...]
    chart: str


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One cell of a sheet; ``shade`` is a class of the style sheet."""

    text: str
    number: bool = False
    shade: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """A sheet: as a table, where it is a matrix also as a heat map; ``left_out`` rows do not fit."""

    shape: str
    heads: tuple[SheetCell, ...]
    rows: tuple[tuple[SheetCell, ...], ...]
    left_out: int
    corner: str
    across: tuple[str, ...]
    matrix: tuple[tuple[str, tuple[SheetCell, ...]], ...]
    chart: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """One kept figure."""

    day: str
    holiday: str
    value: str
    numerator: str
    denominator: str
    incomplete: bool
    changed: bool
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """The line of kept figures, the newest row first."""

    chart: str
    rows: tuple[TrendRow, ...]
    changed: bool


def groups(result: KpiResult, breakdown: Breakdown, say: Say) -> GroupsView:
    """A breakdown with bars: shares as they are, other figures against the largest."""
    rate = result.metric.unit is Unit.RATE
    values = [each.measured.value or 0.0 for each in breakdown.groups]
    largest = 1.0 if rate else max(values, default=0.0) or 1.0
    rows = tuple(
        _group_row(each.group.name(say.language), each.measured, each.compared, result, largest=largest, say=say)
        for each in breakdown.groups
    )
    return GroupsView(
        title=say.pick(breakdown.title),
        whose=result.segment.name if result.segment else say("Everyone"),
        today=breakdown.rule == "today",
        rows=rows,
        chart=_groups_chart(result, breakdown, say),
    )


def compared_row(result: KpiResult, say: Say) -> GroupRow | None:
    """What a figure is compared with; None where nothing was asked."""
    if result.compared is None:
        return None
    return _group_row("", result.measured, result.compared.measured, result, largest=1.0, say=say)


def sheet(found: Sheet, currency: str, say: Say) -> SheetView:
    """A sheet of any shape."""
    matrix = found.shape is Shape.MATRIX
    shown = found.rows[:MOST_ROWS]
    rows = tuple(
        tuple(_cell(value, column, currency, say) for value, column in zip(row, found.columns, strict=True))
        for row in shown
    )
    across, cells = _matrix(found, currency, say) if matrix else ((), ())
    return SheetView(
        shape=str(found.shape),
        heads=tuple(SheetCell(say.pick(column), number=column.unit is not None) for column in found.columns),
        rows=rows,
        left_out=len(found.rows) - len(shown),
        corner=f"{say.pick(found.columns[0])} → {say.pick(found.columns[1])}" if matrix else "",
        across=across,
        matrix=cells,
        chart=_sheet_chart(found, currency, say),
    )


def trend(metric: Metric, points: Sequence[TrendPoint], currency: str, say: Say, *, holidays: bool) -> TrendView | None:
    """The line of kept figures; None where none is kept."""
    if not points:
        return None
    rows = [_trend_row(metric, point, currency, say, holidays=holidays) for point in points]
    marks = [(place, say("definition changed")) for place, point in enumerate(points) if point.changed]
    values = [_plotted(point.snapshot.value, metric.unit, currency) for point in points]
    notes = [_trend_note(point, row, say) for point, row in zip(points, rows, strict=True)]
    labels = [_label(point.snapshot.business_day, row.holiday, say) for point, row in zip(points, rows, strict=True)]
    line = charts.series(say.pick(metric.title), values, notes, colour=1)
    drawn = charts.chart("line", labels, [line], unit=charts.unit_text(metric.unit, currency, say), marks=marks)
    return TrendView(chart=drawn, rows=tuple(reversed(rows)), changed=bool(marks))


def holidays_in(window: Window, say: Say) -> tuple[str, ...]:
    """Public holidays of Japan in a window, with their days; the last few of a long one."""
    days = (window.last - timedelta(days=back) for back in range(min(window.days, 366)))
    found = [(day, name) for day in days if (name := holiday_name(day, say.language))]
    return tuple(f"{filters.short_day(day, say)} {name}" for day, name in reversed(found[:MOST_HOLIDAYS]))


def _group_row(
    name: str, measured: Measured, compared: Measured | None, result: KpiResult, *, largest: float, say: Say
) -> GroupRow:
    unit, currency = result.metric.unit, result.currency
    other = "" if compared is None else written(compared, unit, currency, say)
    return GroupRow(
        name=name,
        value=written(measured, unit, currency, say),
        share=(measured.value or 0.0) / largest,
        numerator=amount(measured.numerator, unit, currency, say),
        denominator=filters.NOTHING if measured.denominator is None else filters.count(measured.denominator, say),
        incomplete=measured.incomplete,
        compared=other,
        change=change_of(difference(measured, compared), unit, currency, "", say),
    )


def _groups_chart(result: KpiResult, breakdown: Breakdown, say: Say) -> str:
    """Bars; empty where no group has a value."""
    unit, currency = result.metric.unit, result.currency
    names = [each.group.name(say.language) for each in breakdown.groups]
    if all(each.measured.value is None for each in breakdown.groups):
        return ""

    def drawn(name: str, measured: Sequence[Measured | None], colour: int) -> dict[str, object]:
        values = [None if one is None else _plotted(one.value, unit, currency) for one in measured]
        notes = ["" if one is None else _fraction(one, say) for one in measured]
        return charts.series(name, values, notes, colour=colour)

    lines = [drawn(say.pick(result.metric.title), [each.measured for each in breakdown.groups], 1)]
    if result.compared:
        lines.append(drawn(say("Compared"), [each.compared for each in breakdown.groups], 2))
    return charts.chart("bar", names, lines, unit=charts.unit_text(unit, currency, say), horizontal=True)


def _fraction(measured: Measured, say: Say) -> str:
    if measured.denominator is None or not isinstance(measured.numerator, int):
        return ""
    return f"{filters.count(measured.numerator, say)} ÷ {filters.count(measured.denominator, say)}"


def _plotted(value: float | None, unit: Unit, currency: str) -> float | None:
    if value is None:
        return None
    return round(charts.scaled(value, unit, currency), 2)


def _cell(value: Value, column: Column, currency: str, say: Say) -> SheetCell:
    number = column.unit is not None
    if value is None:
        return SheetCell(filters.NOTHING, number=number)
    if isinstance(value, bool):
        return SheetCell(say("Yes") if value else say("No"))
    if isinstance(value, date):
        return SheetCell(filters.day(value, say))
    if isinstance(value, str):
        words: Any = column.codes.get(value) or (_EVENTS.get(value) if column.name == "event" else None)
        return SheetCell(say.pick(words) if words else value)
    return SheetCell(_number(value, column.unit, currency, say), number=True)


def _number(value: float, unit: Unit | None, currency: str, say: Say) -> str:
    if unit is Unit.RATE:
        return filters.percent(value, say)
    if unit is Unit.MONEY:
        return filters.money(round(value), currency, say)
    if unit is Unit.NUMBER:
        return plain_number(value, say)
    return filters.count(value, say) if isinstance(value, int) else filters.number(value, say, digits=2)


def _matrix(
    found: Sheet, currency: str, say: Say
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[SheetCell, ...]], ...]]:
    """Heads across, and a row a first value: each cell shaded by its part of the row."""
    first, second = found.columns[:2]
    down = list(dict.fromkeys(row[0] for row in found.rows))
    across = list(dict.fromkeys(row[1] for row in found.rows))
    by_place = {(row[0], row[1]): row for row in found.rows}
    across_names = tuple(_cell(value, second, currency, say).text for value in across)

    def line(value: Value) -> tuple[str, tuple[SheetCell, ...]]:
        name = _cell(value, first, currency, say).text
        mine = [by_place.get((value, other)) for other in across]
        total = sum(_whole(row[2]) for row in mine if row) or 1.0
        cells = [
            _matrix_cell(row, found, f"{name} → {to}", _whole(row[2]) / total, currency=currency, say=say)
            if row
            else SheetCell("")
            for row, to in zip(mine, across_names, strict=True)
        ]
        return name, tuple(cells)

    return across_names, tuple(line(value) for value in down)


def _matrix_cell(row: Sequence[Value], found: Sheet, way: str, share: float, *, currency: str, say: Say) -> SheetCell:
    text = _cell(row[2], found.columns[2], currency, say).text
    rest = [
        f"{say.pick(column)} {_cell(value, column, currency, say).text}"
        for value, column in zip(row[2:], found.columns[2:], strict=True)
    ]
    step = min(HEAT_STEPS - 1, int(share * (HEAT_STEPS - 0.01)))
    return SheetCell(text, number=True, shade=f"heat-{step}", tip="\n".join([way, *rest]))


def _whole(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _sheet_chart(found: Sheet, currency: str, say: Say) -> str | None:
    """Bars of what the sheet counts, in its own order; none where nothing counts or it is a matrix."""
    if found.shape is Shape.MATRIX:
        return _heat_chart(found, currency, say)
    if found.shape is Shape.LIST or not found.rows:
        return None
    place = next((n for n, column in enumerate(found.columns) if column.unit is Unit.PEOPLE), None)
    if place is None:
        return None
    label = 1 if found.shape is Shape.FUNNEL else 0
    rows = found.rows[:MOST_BARS]
    names = [_cell(row[label], found.columns[label], currency, say).text for row in rows]
    if found.shape is Shape.FUNNEL:
        names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    shares = next((n for n, column in enumerate(found.columns) if column.unit is Unit.RATE), None)
    notes = ["" if shares is None else _cell(row[shares], found.columns[shares], currency, say).text for row in rows]
    line = charts.series(say.pick(found.columns[place]), [_whole(row[place]) for row in rows], notes, colour=1)
    return charts.chart("bar", names, [line], horizontal=True)


def _heat_chart(found: Sheet, currency: str, say: Say) -> str | None:
    if not found.rows:
        return None
    across, lines = _matrix(found, currency, say)
    numbers = {(row[0], row[1]): _whole(row[2]) for row in found.rows}
    down = list(dict.fromkeys(row[0] for row in found.rows))
    to = list(dict.fromkeys(row[1] for row in found.rows))
    drawn = [
        charts.series(name, [numbers.get((value, other)) for other in to], [cell.tip for cell in cells], colour=1)
        for value, (name, cells) in zip(down, lines, strict=True)
    ]
    return charts.chart("heat", across, drawn)


def _trend_row(metric: Metric, point: TrendPoint, currency: str, say: Say, *, holidays: bool) -> TrendRow:
    kept = point.snapshot
    measured = kept.measured
    holiday = holiday_name(kept.business_day, say.language) if holidays else None
    return TrendRow(
        day=filters.day(kept.business_day, say),
        holiday=holiday or "",
        value=written(measured, metric.unit, currency, say),
        numerator=amount(measured.numerator, metric.unit, currency, say),
        denominator=filters.NOTHING if kept.denominator is None else filters.count(kept.denominator, say),
        incomplete=kept.incomplete,
        changed=point.changed,
        version=kept.segment_version,
    )


def _trend_note(point: TrendPoint, row: TrendRow, say: Say) -> str:
    parts = [row.holiday, say("still being counted") if row.incomplete else ""]
    parts.append(say("definition changed") if point.changed else "")
    return ", ".join(part for part in parts if part)


def _label(day: date, holiday: str, say: Say) -> str:
    text = filters.short_day(day, say)
    return f"{text} ●" if holiday else text
