"""Reads workbooks (.xlsx) with fastexcel.

A workbook is a zip of XML: a few kilobytes can inflate to gigabytes, and a single cell in the last corner of a sheet makes a
reader lay out every cell before it. So the file is measured before fastexcel opens it: what it says it inflates to,
what it does inflate to (counted, not kept), and how far its cells reach.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fastexcel
import polars as pl

from backend.errors import BadInput
from backend.store.import_tables import Look, Reading, Table, check_columns

LARGEST_INFLATED = 2 * 1024**3
"""Bytes that all parts of a workbook may inflate to."""

MOST_PARTS = 2000
MOST_CELLS = 20_000_000
"""Cells of the rectangle from the first to the last cell of a sheet."""

_PIECE = 1024 * 1024
_OVERLAP = 512
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]{0,400}?\br\s*=\s*["'](\d{1,7})["']""")
_MIDNIGHT = r"^(\d{4}-\d\d-\d\d) 00:00:00$"
_A = ord("A") - 1


def look(path: Path, wish: Reading) -> Look:
    """Its sheets, and the columns of the one that is read: the one wished for, else the first that holds anything.

    Raises:
        BadInput: it is no workbook, is too large, has no such sheet, or the sheet is empty.
    """
    measure(path)
    book = _open(path)
    sheets = tuple(book.sheet_names)
    if wish.sheet is not None and wish.sheet not in sheets:
        raise BadInput(
            f"{path.name} has no sheet {wish.sheet}. Its sheets are {', '.join(sheets)}.",
            code="no_sheet",
            field="sheet",
        )
    for name in [wish.sheet] if wish.sheet is not None else sheets:
        frame = _load(book, name, path)
        if frame.width:
            columns = check_columns(path.name, [column.strip() for column in frame.columns])
            return Look(reading=replace(wish, sheet=name), columns=columns, sheets=sheets, rows=len(frame))
    raise BadInput(f"{path.name} is empty: its first row must name the columns.", code="empty_file", field="file")


def tables(path: Path, reading: Reading, chunk: int) -> Iterator[Table]:
    """The rows of a sheet, each cell as text; empty rows left out. The header is row 1."""
    measure(path)
    frame = _load(_open(path), reading.sheet or 0, path)
    frame = frame.rename({name: name.strip() for name in frame.columns})
    cells = frame.select(pl.all().str.replace(_MIDNIGHT, "${1}")).with_row_index("number", offset=2)
    cells = cells.filter(~pl.all_horizontal(pl.exclude("number").is_null()))
    for start in range(0, len(cells), chunk):
        part = cells[start : start + chunk]
        columns = {name: part[name] for name in frame.columns}
        yield Table(part["number"].to_list(), columns, (), min((start + chunk) / len(cells), 1.0))


def _open(path: Path) -> fastexcel.ExcelReader:
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise _no_workbook(path, str(error)) from None


def _load(book: fastexcel.ExcelReader, sheet: str | int, path: Path) -> pl.DataFrame:
    """A sheet with every cell as text: numbers as Excel keeps them, times as 2026-04-01 10:00:00."""
    try:
        return book.load_sheet(sheet, header_row=0, dtypes="string", skip_whitespace_tail_rows=True).to_polars()
    except fastexcel.FastExcelError as error:
        if "No data" in str(error) or "empty" in str(error).lower():
            return pl.DataFrame()
        raise _no_workbook(path, str(error)) from None


def measure(path: Path) -> None:
    """Refuse a workbook that would take too much memory, before any reader opens it.

    Raises:
        BadInput: it is too large, or no workbook.
    """
    try:
        with zipfile.ZipFile(path) as book:
            parts = book.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INFLATED:
                raise _too_large(path)
            for part in parts:
                _measure_part(book, part, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _no_workbook(path, str(error)) from None


def _measure_part(book: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> None:
    """Inflate a part and forget it: one that is larger than it says fails its checksum."""
    is_sheet = "sheet" in part.filename.lower() and part.filename.lower().endswith(".xml")
    reach, before = _Reach(), b""
    with book.open(part) as stream:
        while piece := stream.read(_PIECE):
            if is_sheet:
                reach.see(before + piece)
                before = piece[-_OVERLAP:]
                if reach.cells > MOST_CELLS:
                    raise _too_large(path)


class _Reach:
    """How far the cells of a sheet reach, from the names they carry (``r="AB12"``)."""

    def __init__(self) -> None:
        self._rows: tuple[int, int] | None = None
        self._columns: tuple[int, int] | None = None

    @property
    def cells(self) -> int:
        """Cells of the rectangle that holds all that were seen."""
        if self._rows is None or self._columns is None:
            return 0
        return (self._rows[1] - self._rows[0] + 1) * (self._columns[1] - self._columns[0] + 1)

    def see(self, xml: bytes) -> None:
        """Look at a piece of the sheet's XML."""
        rows = {int(number) for number in _ROW.findall(xml)}
        names = set(_CELL.findall(xml))
        rows |= {int(number) for _, number in names}
        columns = {_column_number(letters) for letters in {letters for letters, _ in names}}
        self._rows = _widened(self._rows, rows)
        self._columns = _widened(self._columns, columns)


def _widened(span: tuple[int, int] | None, seen: set[int]) -> tuple[int, int] | None:
    if not seen:
        return span
    low, high = min(seen), max(seen)
    return (low, high) if span is None else (min(span[0], low), max(span[1], high))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - _A
    return number


def _too_large(path: Path) -> BadInput:
    return BadInput(
        f"{path.name} is too large for a workbook: at most {MOST_CELLS:,} cells in a sheet and 2 GiB inflated. Save it as CSV.",
        code="inflates_too_much",
        field="file",
    )


def _no_workbook(path: Path, why: str) -> BadInput:
    return BadInput(
        f"{path.name} is no .xlsx workbook, or one with a password ({why.splitlines()[0][:120] if why else 'unreadable'}). "
        "Save it anew as .xlsx or .csv.",
        code="not_the_format",
        field="file",
    )
