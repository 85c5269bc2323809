"""Reads CSV and its relatives: UTF-8, UTF-8 with a mark, CP932; commas, semicolons or tabs.

The file is read in blocks. Polars reads a block whose quotes, if it has any, close on their own line and whose rows all have
as many cells as the header; any other block goes through Python's reader, which can say of each row what is wrong with it.
"""

import codecs
import contextlib
import csv
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import polars as pl

from backend.errors import BadInput
from backend.store.import_tables import LONGEST_ROW, Look, Reading, Reject, Table, check_columns
from segments.cells import PROTECTED

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_BLOCK = 4 * 1024 * 1024
_PIECE = 1024 * 1024


def look(path: Path, wish: Reading) -> Look:
    """Encoding, delimiter and columns.

    Raises:
        BadInput: it is empty, its encoding is not known or not the one named, or its header cannot be used.
    """
    encoding = _named_encoding(wish.encoding) if wish.encoding else _find_encoding(path)
    reading = replace(wish, encoding=encoding)
    with path.open("rb") as raw, _text(raw, reading) as file, _told_clearly(path, reading):
        first = file.readline(LONGEST_ROW)
        delimiter = wish.delimiter or _find_delimiter(first)
        file.seek(0)
        header = _Source(file, delimiter).header()
    columns = check_columns(path.name, [name.strip() for name in header])
    return Look(reading=replace(reading, delimiter=delimiter), columns=columns)


def tables(path: Path, reading: Reading, chunk: int) -> Iterator[Table]:
    """Its rows, each cell as text, marks against formulas taken off."""
    size = max(path.stat().st_size, 1)
    with path.open("rb") as raw, _text(raw, reading) as file, _told_clearly(path, reading):
        source = _Source(file, reading.delimiter or ",")
        header = check_columns(path.name, [name.strip() for name in source.header()])
        while text := source.block():
            share = min(raw.tell() / size, 1.0)
            for table in _block_tables(source, text, header, chunk):
                yield Table(table.numbers, table.columns, table.unread, share)


def _block_tables(source: "_Source", text: str, header: tuple[str, ...], chunk: int) -> Iterator[Table]:
    first = source.line + 1
    quick = _read_quickly(text, header, source.delimiter)
    if quick is None:
        yield from _read_carefully(source, text, header, chunk)
        return
    source.line += len(quick)
    for start in range(0, len(quick), chunk):
        part = quick[start : start + chunk]
        numbers = range(first + start, first + start + len(part))
        yield Table(numbers, dict(zip(part.columns, part.get_columns(), strict=True)), (), 0.0)


def _read_quickly(text: str, header: tuple[str, ...], delimiter: str) -> pl.DataFrame | None:
    """The block by Polars, or None where it may not be what it looks like."""
    lines = pl.Series(text.removesuffix("\n").replace("\r\n", "\n").split("\n"), dtype=pl.String)
    quoted = '"' in text
    if "\r" in text.replace("\r\n", "\n") or (lines.str.strip_chars() == "").any():
        return None
    if quoted and (lines.str.count_matches('"', literal=True) % 2 == 1).any():
        return None
    if not quoted and (lines.str.count_matches(delimiter, literal=True) != len(header) - 1).any():
        return None
    names = [f"column {number}" for number in range(len(header))]
    try:
        frame = pl.read_csv(
            text.encode(), has_header=False, infer_schema=False, new_columns=names, separator=delimiter, glob=False,
            schema=dict.fromkeys(names, pl.String), quote_char='"' if quoted else None,
        )  # fmt: skip
    except (pl.exceptions.PolarsError, ValueError):
        return None
    if len(frame) != len(lines) or (quoted and not _is_whole(frame, lines, delimiter)):
        return None
    return frame.rename(dict(zip(names, header, strict=True))).select(_unprotected(name) for name in header)


def _is_whole(frame: pl.DataFrame, lines: pl.Series, delimiter: str) -> bool:
    """Whether no row of quoted cells was short: Polars fills those up in silence.

    A row has as many delimiters as its line, less those inside its cells.
    """
    inside = frame.select(pl.sum_horizontal(pl.all().str.count_matches(delimiter, literal=True).fill_null(0)))
    return bool((lines.str.count_matches(delimiter, literal=True) - inside.to_series() == frame.width - 1).all())


def _unprotected(name: str) -> pl.Expr:
    """`segments.cells.unprotect` for a whole column."""
    cell = pl.col(name).fill_null("")
    return pl.when(cell.str.contains(PROTECTED)).then(cell.str.slice(1)).otherwise(cell).alias(name)


def _read_carefully(source: "_Source", text: str, header: tuple[str, ...], chunk: int) -> Iterator[Table]:
    """The block by Python's reader; a row that goes on beyond the block is read to its end."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    unread: list[Reject] = []
    for number, row in source.rows(text):
        if len(row) == len(header):
            numbers.append(number)
            rows.append(row)
        elif row:
            reason, value = "the row has another number of cells", f"{len(row)} instead of {len(header)}"
            unread.append(Reject(number, reason, value, cells=tuple(row)))
        if len(rows) + len(unread) >= chunk:
            yield _table(numbers, header, rows, unread)
            numbers, rows, unread = [], [], []
    if rows or unread:
        yield _table(numbers, header, rows, unread)


def _table(numbers: list[int], header: tuple[str, ...], rows: list[list[str]], unread: list[Reject]) -> Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    frame = pl.DataFrame(
        {name: pl.Series(values, dtype=pl.String) for name, values in zip(header, columns, strict=True)}
    )
    cells = frame.select(_unprotected(name) for name in header)
    return Table(numbers, dict(zip(header, cells.get_columns(), strict=True)), tuple(unread), 0.0)


class _Source:
    """The text of a file in blocks of whole lines.

    Attributes:
        line: lines used so far, the header among them.
    """

    def __init__(self, file: TextIOWrapper, delimiter: str) -> None:
        self.line = 0
        self.delimiter = delimiter
        self._file = file
        self._rest = ""

    def header(self) -> list[str]:
        """The cells of the first row; none where there is no row."""
        return next((row for _, row in self.rows(self.next_line())), [])

    def block(self) -> str:
        """Some megabytes of whole lines; empty at the end of the file."""
        text = self._rest + self._file.read(_BLOCK)
        self._rest = ""
        end = text.rfind("\n") + 1
        if len(text) < _BLOCK or end == len(text):
            return text
        if not end:
            return text + self.next_line()
        self._rest = text[end:]
        return text[:end]

    def rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """The rows of a block, each with the number of the line it begins on."""
        feed = _Feed(self, text)
        reader = csv.reader(feed, delimiter=self.delimiter, strict=True)
        before = self.line
        while True:
            feed.between_rows = True
            row = next(reader, None)
            if row is None:
                return
            began, self.line = self.line + 1, before + reader.line_num
            yield began, row

    def next_line(self) -> str:
        """The line behind what was given out; empty at the end of the file."""
        line = self._rest + self._file.readline(LONGEST_ROW)
        self._rest = ""
        return line


class _Feed:
    """Lines of a block for Python's reader; a row that goes on beyond the block gets the lines it needs."""

    def __init__(self, source: _Source, text: str) -> None:
        self.between_rows = True
        self._source = source
        self._lines = StringIO(text, newline="")

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._lines.readline() or ("" if self.between_rows else self._source.next_line())
        if not line:
            raise StopIteration
        self.between_rows = False
        return line


def _named_encoding(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise BadInput(
            f"There is no encoding {name}; Japanese files are utf-8 or cp932.", code="no_encoding", field="encoding"
        ) from None
    return {"utf-8": "utf-8-sig", "shift_jis": "cp932"}.get(codec, codec)


def _find_encoding(path: Path) -> str:
    """UTF-8 where all of the file is, else CP932 where its beginning is."""
    with path.open("rb") as file:
        head = file.read(_PIECE)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\0" in head:
            raise BadInput(f"{path.name} is no text file.", code="not_the_format", field="file")
        for encoding, pieces in (("utf-8-sig", -1), ("cp932", 16)):
            file.seek(0)
            if _decodes(file, encoding, pieces):
                return encoding
    raise BadInput(
        f"{path.name} is neither UTF-8 nor CP932: name its encoding, for example --encoding euc_jp.",
        code="unknown_encoding",
        field="encoding",
    )


def _decodes(file: BinaryIO, encoding: str, pieces: int) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while pieces != 0 and (piece := file.read(_PIECE)):
            decoder.decode(piece)
            pieces -= 1
        decoder.decode(b"", final=pieces != 0)
    except UnicodeDecodeError:
        return False
    return True


def _find_delimiter(first_line: str) -> str:
    """The delimiter that the header has most of, outside its quotes."""
    outside = "".join(first_line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _text(raw: BinaryIO, reading: Reading) -> TextIOWrapper:
    return TextIOWrapper(raw, encoding=reading.encoding, newline="")


@contextlib.contextmanager
def _told_clearly(path: Path, reading: Reading) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        name = (reading.encoding or "").removesuffix("-sig")
        raise BadInput(
            f"{path.name} is not {name} throughout ({getattr(error, 'reason', error)}): "
            "name its encoding, for example --encoding cp932.",
            code="not_the_encoding",
            field="encoding",
        ) from None
    except csv.Error as error:
        raise BadInput(f"{path.name} is no CSV: {error}.", code="not_the_format", field="file") from None
