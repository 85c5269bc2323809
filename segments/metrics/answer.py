"""A figure as one JSON document: the same for the command line, the HTTP API and any program that reads it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from segments.metrics.metric import Cell, Column, Measured, Metric, Option, Sheet, Triangle, Unit, Words
from segments.metrics.notes import NOTES
from segments.metrics.result import Breakdown, Comparison, GroupFigure, KpiResult, SegmentName, difference
from segments.windows import Window


class WindowAnswer(msgspec.Struct, frozen=True):
    """Business days, both included."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")


class NoteAnswer(msgspec.Struct, frozen=True):
    """A remark that a figure carries."""

    code: str
    ja: str
    en: str


class FigureAnswer(msgspec.Struct, frozen=True):
    """One figure.

    ``value`` is null where there is nothing to divide by or too little to say, ``denominator`` for a count; ``incomplete``:
    something of it can still happen. ``interval`` is the 95 % confidence interval, where the KPI has one.
    """

    value: float | None
    numerator: float
    denominator: int | None
    interval: tuple[float, float] | None
    window: WindowAnswer
    incomplete: bool
    notes: list[NoteAnswer]


class SegmentOf(msgspec.Struct, frozen=True):
    """Which version of which segment a figure is about."""

    id: int
    name: str
    version: int


class ComparedAnswer(msgspec.Struct, frozen=True):
    """What a figure is compared with; ``change`` is the figure less this one, null where either is missing or counting."""

    how: str
    segment: SegmentOf | None
    figure: FigureAnswer
    change: float | None


class GroupAnswer(msgspec.Struct, frozen=True):
    """One group of a breakdown; ``label`` is null for ``kind`` others and unknown."""

    label: str | None
    kind: str
    ja: str
    en: str
    figure: FigureAnswer
    compared: FigureAnswer | None
    change: float | None


class BreakdownAnswer(msgspec.Struct, frozen=True):
    """A figure by an attribute; ``members``: by its value when it mattered (cohort) or by today's (today)."""

    by: str
    ja: str
    en: str
    members: str
    groups: list[GroupAnswer]


class ColumnAnswer(msgspec.Struct, frozen=True):
    """A column of a sheet; ``unit`` is null for a label or a day, ``codes`` says what codes are called."""

    name: str
    ja: str
    en: str
    unit: str | None
    codes: dict[str, Words]


class SheetAnswer(msgspec.Struct, frozen=True):
    """The table of a figure; each row has a value for each column."""

    shape: str
    columns: list[ColumnAnswer]
    rows: list[list[Any]]


class KpiAnswer(msgspec.Struct, frozen=True):
    """A figure with all that must stand beside it.

    ``as_of`` is the moment up to which facts are in it, ``as_of_day`` the business day that it was asked as of, null for now.
    Money is in minor units of ``currency``. ``members``: whether membership of the segment was looked at when it mattered
    (cohort) or today; ``recomputed``: on data rebuilt as of that day. ``table`` is the cohort table of retention, ``sheet``
    the table of any other KPI that has one.
    """

    slug: str
    title: Words
    unit: str
    value: float | None
    numerator: float
    denominator: int | None
    interval: tuple[float, float] | None
    window: WindowAnswer
    incomplete: bool
    notes: list[NoteAnswer]
    as_of: datetime
    as_of_day: date | None
    options: dict[str, int | str]
    currency: str | None
    segment: SegmentOf | None
    members: str | None
    recomputed: bool
    words: dict[str, Words]
    compared: ComparedAnswer | None
    breakdown: BreakdownAnswer | None
    sheet: SheetAnswer | None
    table: dict[str, Any] | None


class OptionAnswer(msgspec.Struct, frozen=True):
    """An option of a KPI: one of ``choices``, a whole number from ``low`` to ``high``, or a text."""

    name: str
    ja: str
    en: str
    default: int | str
    choices: list[str]
    low: int | None
    high: int | None


class MetricAnswer(msgspec.Struct, frozen=True):
    """A KPI of the catalogue."""

    slug: str
    title: Words
    unit: str
    numerator: Words
    denominator: Words
    window: Words
    definition: Words
    sources: list[str]
    options: list[OptionAnswer]
    sheet: str | None


def metric_answer(metric: Metric) -> MetricAnswer:
    """A KPI of the catalogue as one document."""
    return MetricAnswer(
        slug=metric.slug,
        title=metric.title,
        unit=str(metric.unit),
        numerator=metric.numerator,
        denominator=metric.denominator,
        window=metric.window,
        definition=metric.definition,
        sources=list(metric.sources),
        options=[_option(option) for option in metric.options],
        sheet=str(metric.sheet.shape) if metric.sheet else None,
    )


def kpi_answer(result: KpiResult) -> KpiAnswer:
    """A figure as one document."""
    metric, measured = result.metric, result.measured
    figure = _figure(measured)
    return KpiAnswer(
        slug=metric.slug,
        title=metric.title,
        unit=str(metric.unit),
        **msgspec.structs.asdict(figure),
        as_of=result.as_of,
        as_of_day=result.as_of_day,
        options=dict(measured.options),
        currency=result.currency if _has_money(metric) else None,
        segment=_segment(result.segment),
        members=result.rule,
        recomputed=result.recomputed,
        words={"numerator": metric.numerator, "denominator": metric.denominator, "definition": metric.definition},
        compared=_compared(result.compared, measured),
        breakdown=_breakdown(result.breakdown),
        sheet=_sheet(measured.sheet),
        table=_table(measured.table),
    )


def _has_money(metric: Metric) -> bool:
    columns = metric.sheet.columns if metric.sheet else ()
    return Unit.MONEY in (metric.unit, *(column.unit for column in columns))


def _option(option: Option) -> OptionAnswer:
    ranged = isinstance(option.default, int)
    low, high = (option.low, option.high) if ranged else (None, None)
    return OptionAnswer(option.name, option.ja, option.en, option.default, list(option.choices), low, high)


def _figure(measured: Measured) -> FigureAnswer:
    return FigureAnswer(
        value=measured.value,
        numerator=measured.numerator,
        denominator=measured.denominator,
        interval=measured.interval,
        window=_window(measured.window),
        incomplete=measured.incomplete,
        notes=[_note(code, NOTES[code]) for code in measured.notes],
    )


def _note(code: str, words: Mapping[str, str]) -> NoteAnswer:
    return NoteAnswer(code, words["ja"], words["en"])


def _window(window: Window) -> WindowAnswer:
    return WindowAnswer(window.first, window.last)


def _segment(segment: SegmentName | None) -> SegmentOf | None:
    return None if segment is None else SegmentOf(segment.id, segment.name, segment.version)


def _compared(compared: Comparison | None, now: Measured) -> ComparedAnswer | None:
    if compared is None:
        return None
    change = difference(now, compared.measured)
    return ComparedAnswer(compared.how, _segment(compared.segment), _figure(compared.measured), change)


def _breakdown(breakdown: Breakdown | None) -> BreakdownAnswer | None:
    if breakdown is None:
        return None
    groups = [_group(each) for each in breakdown.groups]
    return BreakdownAnswer(breakdown.name, breakdown.title["ja"], breakdown.title["en"], breakdown.rule, groups)


def _group(each: GroupFigure) -> GroupAnswer:
    return GroupAnswer(
        label=each.group.label,
        kind=str(each.group.kind),
        ja=each.group.name("ja"),
        en=each.group.name("en"),
        figure=_figure(each.measured),
        compared=None if each.compared is None else _figure(each.compared),
        change=difference(each.measured, each.compared),
    )


def _sheet(sheet: Sheet | None) -> SheetAnswer | None:
    if sheet is None:
        return None
    return SheetAnswer(
        str(sheet.shape), [_column(column) for column in sheet.columns], [list(row) for row in sheet.rows]
    )


def _column(column: Column) -> ColumnAnswer:
    unit = str(column.unit) if column.unit else None
    return ColumnAnswer(column.name, column.ja, column.en, unit, dict(column.codes))


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
