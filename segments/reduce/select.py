"""Choosing one row a person by joins on a maximum: no engine has to know an order of rows."""

from collections.abc import Sequence

import narwhals as nw

from segments.reduce.days import Frame


def keep_largest(rows: Frame, column: str, *, who: Sequence[str]) -> Frame:
    """The rows that hold the largest ``column`` of their person; equals stay together."""
    largest = rows.group_by(*who).agg(nw.col(column).max())
    return rows.join(largest, on=[*who, column], how="inner")
