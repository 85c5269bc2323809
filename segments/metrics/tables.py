"""KPIs as flat tables: one for any figures, with a row a group, a cell of retention and a cell of a sheet; and one for a sheet alone."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from segments.metrics.metric import Cell, Measured, Sheet, Unit, Value
from segments.metrics.result import KpiResult, difference

COLUMNS: dict[str, pl.DataType] = {
    "kpi": pl.String(),
    "segment": pl.String(),
    "from": pl.Date(),
    "to": pl.Date(),
    "as_of": pl.Datetime("us", "UTC"),
    "as_of_day": pl.Date(),
    "cohort": pl.Date(),
    "period": pl.Int64(),
    "by": pl.String(),
    "group": pl.String(),
    "row": pl.Int64(),
    "column": pl.String(),
    "text": pl.String(),
    "numerator": pl.Float64(),
    "denominator": pl.Int64(),
    "value": pl.Float64(),
    "incomplete": pl.Boolean(),
    "compared_with": pl.String(),
    "compared_value": pl.Float64(),
    "change": pl.Float64(),
    "notes": pl.String(),
}
"""Columns of the table; what a row does not need is empty.

``segment`` is empty for everyone; ``cohort`` and ``period`` name a cell of retention, ``by`` and ``group`` a group of a
breakdown (``(others)`` and ``(unknown)`` are no values of the attribute), ``row`` and ``column`` a cell of the sheet, whose
``text`` or ``value`` it is. ``compared_with`` is a way to compare, or the name of a segment. ``notes`` are codes of
`segments.metrics.notes.NOTES` with spaces between, of the figure and of what it is compared with.
"""


def table(results: Sequence[KpiResult]) -> pl.DataFrame:
    """The table of some figures; numerators are whole numbers where all of them are."""
    empty = dict.fromkeys(COLUMNS)
    rows = [{**empty, **row} for result in results for row in _rows(result)]
    made = pl.DataFrame(rows, schema=COLUMNS, orient="row", strict=False)
    if all(isinstance(row["numerator"], int | None) for row in rows):
        made = made.cast({"numerator": pl.Int64})
    return made


def sheet_table(sheet: Sheet) -> pl.DataFrame:
    """A sheet as it stands: its columns with its rows; codes stay codes."""
    types = [_type([row[place] for row in sheet.rows], column.unit) for place, column in enumerate(sheet.columns)]
    schema = {column.name: kind for column, kind in zip(sheet.columns, types, strict=True)}
    return pl.DataFrame(list(sheet.rows), schema=schema, orient="row", strict=False)


def _type(values: Sequence[Value], unit: Unit | None) -> pl.DataType:
    known = [value for value in values if value is not None]
    for kind, dtype in ((bool, pl.Boolean()), (int, pl.Int64()), (float, pl.Float64()), (date, pl.Date())):
        if known and all(isinstance(value, int | float if kind is float else kind) for value in known):
            return dtype
    return pl.Float64() if unit and not known else pl.String()


def _rows(result: KpiResult) -> Iterator[dict[str, Any]]:
    measured = result.measured
    head = {
        "kpi": measured.slug,
        "segment": result.segment.name if result.segment else None,
        "as_of": result.as_of,
        "as_of_day": result.as_of_day,
    }
    compared = result.compared
    other = compared.segment.name if compared and compared.segment else compared.how if compared else None
    yield {**head, **_figure(measured), **_compared(measured, compared.measured if compared else None, other)}
    breakdown = result.breakdown
    for each in breakdown.groups if breakdown else ():
        group = {"by": breakdown and breakdown.name, "group": each.group.label or f"({each.group.kind})"}
        yield {**head, **_figure(each.measured), **group, **_compared(each.measured, each.compared, other)}
    yield from ({**head, **_span(measured), **cell} for cell in _cells(measured))


def _figure(measured: Measured) -> dict[str, Any]:
    return {
        **_span(measured),
        "numerator": measured.numerator,
        "denominator": measured.denominator,
        "value": measured.value,
        "incomplete": measured.incomplete,
        "notes": " ".join(measured.notes) or None,
    }


def _span(measured: Measured) -> dict[str, Any]:
    return {"from": measured.window.first, "to": measured.window.last}


def _compared(now: Measured, before: Measured | None, name: str | None) -> dict[str, Any]:
    if before is None:
        return {}
    notes = " ".join(dict.fromkeys((*now.notes, *before.notes))) or None
    return {"compared_with": name, "compared_value": before.value, "change": difference(now, before), "notes": notes}


def _cells(measured: Measured) -> Iterator[dict[str, Any]]:
    for cohort in measured.table.cohorts if measured.table else ():
        yield from ({"cohort": cohort.start, **_cell(cell)} for cell in cohort.cells)
    sheet = measured.sheet
    for number, row in enumerate(sheet.rows if sheet else (), start=1):
        for column, value in zip(sheet.columns if sheet else (), row, strict=True):
            yield {"row": number, "column": column.name, **_sheet_value(value)}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "period": cell.period,
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "value": cell.value,
        "incomplete": cell.incomplete,
    }


def _sheet_value(value: Value) -> dict[str, Any]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"value": float(value)}
    return {"text": None if value is None else str(value)}
