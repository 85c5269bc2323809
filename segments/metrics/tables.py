"""KPIs as one flat table: a row a group of people, and of retention a row a cell of the cohort table."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from segments.metrics.metric import Cell
from segments.metrics.result import KpiResult

COLUMNS: dict[str, pl.DataType] = {
    "kpi": pl.String(),
    "segment": pl.String(),
    "from": pl.Date(),
    "to": pl.Date(),
    "as_of": pl.Datetime("us", "UTC"),
    "cohort": pl.Date(),
    "period": pl.Int64(),
    "numerator": pl.Int64(),
    "denominator": pl.Int64(),
    "value": pl.Float64(),
    "incomplete": pl.Boolean(),
}
"""Columns of the table; ``segment`` is empty for everyone, ``cohort`` and ``period`` for a whole figure."""


def table(results: Sequence[KpiResult]) -> pl.DataFrame:
    """The table of some figures."""
    return pl.DataFrame([row for result in results for row in _rows(result)], schema=COLUMNS, orient="row")


def _rows(result: KpiResult) -> Iterator[tuple[Any, ...]]:
    measured = result.measured
    whose = result.segment.name if result.segment else None
    head = (measured.slug, whose, measured.window.first, measured.window.last, result.as_of)
    yield (*head, None, None, measured.numerator, measured.denominator, measured.value, measured.incomplete)
    for cohort in measured.table.cohorts if measured.table else ():
        yield from ((*head, cohort.start, *_cell(cell)) for cell in cohort.cells)


def _cell(cell: Cell) -> tuple[Any, ...]:
    return (cell.period, cell.numerator, cell.denominator, cell.value, cell.incomplete)
