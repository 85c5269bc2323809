"""History as services read it: rows of the lake, and the same under the customers who survived merges."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Protocol

import narwhals as nw
import polars as pl

from segments.reduce.days import merge_customers
from segments.windows import Window

MERGES: dict[str, pl.DataType] = {"customer_id": pl.Int64(), "survivor": pl.Int64()}
"""Columns of merges: who was absorbed, and by whom in the end."""


class History(Protocol):
    """Where history is read from; merges are not applied."""

    def customer_days(self, buckets: Collection[int] | None = None) -> pl.LazyFrame:
        """Rows of customer_days as they were appended, of some buckets only where they are given."""
        ...

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        """Events, of the business days of ``window`` only where one is given."""
        ...

    def order_lines(self, window: Window | None = None) -> pl.LazyFrame:
        """Order lines, likewise."""
        ...

    def raw_since(self) -> date | None:
        """The first business day of which events and order lines are all there; None where no day was ever dropped.

        Ask after the rows, so that no day that is dropped in between goes untold.
        """
        ...


def under_survivors(rows: pl.LazyFrame, merges: Mapping[int, int] | Iterable[tuple[int, int]]) -> pl.LazyFrame:
    """Rows with a ``customer_id`` under the customers who survived; see `segments.reduce.days.merge_customers`."""
    return to_survivors(merges)(rows)


def to_survivors(merges: Mapping[int, int] | Iterable[tuple[int, int]]) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """`under_survivors` of these merges, for many rows one after the other: merges are read once."""
    pairs = list(merges.items() if isinstance(merges, Mapping) else merges)
    if not pairs:
        return lambda rows: rows
    known = pl.LazyFrame(pairs, schema=MERGES, orient="row")

    def under(rows: pl.LazyFrame) -> pl.LazyFrame:
        merged: pl.LazyFrame = merge_customers(nw.from_native(rows), nw.from_native(known)).to_native()
        return merged

    return under
