"""A membership that is easy to say twice: as a function of Python values, and of frames."""

from datetime import date, timedelta

import polars as pl

from segments.metrics.members import Members
from tests.segments.history import DAY_ZERO


def belongs(who: int, as_of: date) -> bool:
    """Odd customers belong on even days of the history, even ones on odd days."""
    return (who + (as_of - DAY_ZERO).days) % 2 == 1


def belongs_frame(asked: pl.LazyFrame) -> pl.LazyFrame:
    """The pairs of ``asked`` that `belongs` accepts."""
    rows = asked.collect()
    kept = [belongs(row["customer_id"], row["as_of"]) for row in rows.iter_rows(named=True)]
    return rows.filter(pl.Series(kept, dtype=pl.Boolean)).lazy()


MEMBERS = Members("odd and even", belongs_frame)


def after(days: int) -> date:
    """The n-th day of the history."""
    return DAY_ZERO + timedelta(days=days)
