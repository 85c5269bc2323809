"""Rows as columns: what every reader of files gives, and the limits that all of them keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from backend.errors import BadInput

CHUNK = 50_000
"""Rows of a chunk."""

MOST_COLUMNS = 1000
LONGEST_ROW = 1024 * 1024
"""Bytes or characters of one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is read; None where it is to be found out.

    Attributes:
        format: csv, ndjson, parquet or excel.
        encoding: of a CSV file.
        delimiter: of a CSV file.
        sheet: of a workbook.
    """

    format: str = ""
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at a file found.

    Attributes:
        reading: how it is read.
        columns: names of its columns.
        sheets: of a workbook.
        rows: how many it holds, where that is known without reading all of them.
    """

    reading: Reading
    columns: tuple[str, ...]
    sheets: tuple[str, ...] = ()
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that does not fit.

    Attributes:
        row: line of a CSV, Excel or NDJSON file (the header is line 1), or number of a Parquet row, from 1.
        reason: why, the same words for the same fault.
        value: what was found there.
        cells: the row's cells as they came, where they can be told apart.
        line: the line as it came, where they cannot.
    """

    row: int
    reason: str
    value: str
    cells: tuple[str, ...] = ()
    line: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as columns. ``numbers`` holds each row's number; ``share`` is how much of the file is read, up to 1."""

    numbers: Sequence[int]
    columns: dict[str, Any]
    unread: tuple[Reject, ...]
    share: float

    def frame(self, number_column: str) -> pl.DataFrame:
        """The rows with their numbers in a column of that name."""
        return pl.DataFrame({number_column: pl.Series(self.numbers, dtype=pl.Int64), **self.columns})

    @property
    def read(self) -> int:
        """Rows of the file that this table stands for."""
        return len(self.numbers) + len(self.unread)


def check_columns(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns, when they can be mapped.

    Raises:
        BadInput: there are none, too many, or two of one name.
    """
    if not any(columns):
        raise BadInput(f"{name} is empty: its first row must name the columns.", code="empty_file", field="file")
    if len(columns) > MOST_COLUMNS:
        raise BadInput(
            f"{name} has {len(columns):,} columns; {MOST_COLUMNS:,} are the most.",
            code="too_many_columns",
            field="file",
        )
    twice = {column for column in columns if columns.count(column) > 1}
    if twice:
        raise BadInput(f"{name} has two columns named {min(twice)!r}: rename one.", code="column_twice", field="file")
    return tuple(columns)
