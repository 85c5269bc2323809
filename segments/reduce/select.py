"""Choosing one row a person by joins on a maximum: no engine has to know an order of rows."""

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from segments.reduce.days import Frame


def once(rows: Frame) -> Frame:
    """The same rows, of which several questions are asked: Polars works them out once then, not once a question."""
    native = rows.to_native()
    return nw.from_native(native.cache()) if isinstance(native, pl.LazyFrame) else rows


def keep_largest(rows: Frame, column: str, *, who: Sequence[str]) -> Frame:
    """The rows that hold the largest ``column`` of their person; equals stay together."""
    known = once(rows)
    largest = known.group_by(*who).agg(nw.col(column).max())
    return known.join(largest, on=[*who, column], how="inner")
