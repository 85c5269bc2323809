"""Plain columns beside each list of days: its newest days, a column each, and how long it is.

A day is the number of days since 1969-12-31, so that 0 is nobody's day and stands for "there is none": two bytes, which
reach to the year 2149, and no nulls. A rule that asks "at least twice in the last 30 days" compares one such column; looking
into as many lists takes twenty times as long.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date

import polars as pl

from segments.customers import (
    LATEST,
    LATEST_PREFIX,
    TIMES_PREFIX,
    days_column,
    latest_column,
    times_column,
)

DAY_NUMBER = pl.UInt16()
"""Type of the columns with days."""

TIMES = pl.UInt8()
"""Type of the columns with lengths of lists."""

_BEFORE_FIRST = date(1969, 12, 31)
_LAST = 2**16 - 1


def latest_columns(events: Iterable[str]) -> Iterator[pl.Expr]:
    """The columns of these events, from their lists."""
    for event in events:
        for place in range(1, LATEST + 1):
            yield _day_at(event, place)
        yield _times(event)


def is_latest(name: str) -> bool:
    """Whether a column of the frame is one of these."""
    return name.startswith((LATEST_PREFIX, TIMES_PREFIX))


def derived(name: str, columns: Collection[str]) -> pl.Expr | None:
    """A column of this kind for rows that were made without it, from their list; None where ``name`` is none of them."""
    if name.startswith(TIMES_PREFIX):
        event = name.removeprefix(TIMES_PREFIX)
        known = days_column(event) in columns
        return _times(event) if known else pl.lit(0, TIMES).alias(name)
    if name.startswith(LATEST_PREFIX):
        event, _, place = name.removeprefix(LATEST_PREFIX).rpartition(":")
        known = days_column(event) in columns
        return _day_at(event, int(place)) if known else pl.lit(0, DAY_NUMBER).alias(name)
    return None


def since(number: pl.Expr, day: date) -> pl.Expr:
    """Whether the day of such a column is ``day`` or later."""
    return number >= pl.lit(max(_number(day), 1), DAY_NUMBER)


def upto(number: pl.Expr, day: date) -> pl.Expr:
    """Whether there is a day in such a column, and it is ``day`` or earlier."""
    return (number > 0) & (number <= pl.lit(_number(day), DAY_NUMBER))


def number_before(days: int) -> pl.Expr:
    """The number of the day so many days before the row's ``as_of``; 0 for days that have none."""
    return (pl.col("as_of").to_physical() + (1 - days)).clip(0, _LAST).cast(DAY_NUMBER)


def _number(day: date) -> int:
    return min(max((day - _BEFORE_FIRST).days, 0), _LAST)


def _day_at(event: str, place: int) -> pl.Expr:
    day = pl.col(days_column(event)).list.get(place - 1, null_on_oob=True).to_physical()
    return (day + 1).clip(1, _LAST).fill_null(0).cast(DAY_NUMBER).alias(latest_column(event, place))


def _times(event: str) -> pl.Expr:
    return pl.col(days_column(event)).list.len().fill_null(0).cast(TIMES).alias(times_column(event))
