"""Member numbers from a file: one a line, or a column of a CSV. Nothing is passed over in silence."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segments.properties import LONGEST_ID

MOST_IDS = 1_000_000
"""Numbers that are taken at once."""

HEADERS = frozenset({"user_id", "userid", "member_number", "customer_number", "会員番号", "会員id"})
"""First cells, in small letters, that name the column with the numbers."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line without a number that could be anybody's: what is wrong is ``too_long`` or ``unreadable``."""

    line: int
    fault: str


@dataclass(frozen=True, slots=True)
class GivenIds:
    """What was read.

    Attributes:
        ids: numbers, each once, in their order.
        repeated: how many were there before.
        bad: lines that cannot be a number.
    """

    ids: tuple[str, ...]
    repeated: int
    bad: tuple[BadLine, ...]

    @property
    def read(self) -> int:
        """How many lines said anything."""
        return len(self.ids) + self.repeated + len(self.bad)


def read_ids(content: bytes) -> GivenIds:
    """Numbers of a file: UTF-8, or Shift_JIS as spreadsheets in Japan write it.

    The first cell of each line counts, or the column that a first line names (`HEADERS`). Blank lines are none.

    Raises:
        UnicodeDecodeError: the file is text in neither encoding.
        ValueError: it is no CSV: a quote is not closed.
    """
    try:
        return given_ids(_cells(_text(content)))
    except csv.Error as error:
        raise ValueError(str(error)) from error


def given_ids(cells: Iterable[tuple[int, str]]) -> GivenIds:
    """Numbers of cells, each with its line."""
    ids: dict[str, None] = {}
    bad, repeated = [], 0
    for line, cell in cells:
        number = cell.strip()
        if len(number) > LONGEST_ID:
            bad.append(BadLine(line, "too_long"))
        elif not number or "\x00" in number:
            bad.append(BadLine(line, "unreadable"))
        elif number in ids:
            repeated += 1
        else:
            ids[number] = None
    return GivenIds(tuple(ids), repeated, tuple(bad))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932")


def _cells(text: str) -> Iterator[tuple[int, str]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    column = 0
    for first, row in enumerate(rows):
        if first == 0 and (named := _named(row)) is not None:
            column = named
        elif any(cell.strip() for cell in row):
            yield rows.line_num, row[column] if column < len(row) else ""


def _named(row: list[str]) -> int | None:
    names = [cell.strip().lower() for cell in row]
    return next((place for place, name in enumerate(names) if name in HEADERS), None)
