"""Writes tables to CSV, Excel and Parquet files chunk by chunk, so that a file may be larger than memory.

What a column's type says decides how its cells are written: texts are protected from spreadsheets by the rule of
`segments.cells`, numbers stay numbers. Moments are written in the shop's time: with their offset in CSV, without
one in Excel, which knows none; Parquet keeps them exact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import polars as pl
import pyarrow.parquet as pq
import xlsxwriter
from polars.datatypes import DataType, DataTypeClass

from segments.cells import TO_PROTECT, protect
from segments.exports import Encoding, FileFormat

Columns = Mapping[str, DataType | DataTypeClass]
"""Names and types of a table's columns, in order: strings, whole numbers, floats, booleans, days, moments in UTC."""

GETA = "〓"
"""What stands for a character that CP932 lacks: the printers' mark for a missing piece of type."""

LAST_ROW = 1_048_576
"""Rows of an Excel sheet; what does not fit goes to the next one."""

_EXCEL_BEGINS = 1900

_EXACT = 2**53
"""Excel's numbers are floats: whole numbers beyond this are written as text, with every digit."""

_TWINS = str.maketrans({"—": "―", "¥": "￥", "‾": "￣", "\u00a0": " ", "\u2011": "‐", "ゔ": "ヴ"})
"""Characters that CP932 lacks and the one it has instead, which looks the same."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds; ``replaced`` characters and ``cut`` texts are not as they were."""

    rows: int
    replaced: int = 0
    cut: int = 0


class Writer(Protocol):
    """A file that is being written. Close it in any case; only a closed one is whole."""

    def write(self, rows: pl.DataFrame) -> None:
        """Add rows; the columns are those that were declared."""
        ...

    def close(self) -> Written:
        """End the file."""
        ...


def open_writer(path: Path, columns: Columns, *, file_format: FileFormat, encoding: Encoding, zone: str) -> Writer:
    """Begin a file of one format.

    Args:
        path: the file; what is in it is replaced.
        columns: of every chunk to come.
        file_format: which.
        encoding: of CSV.
        zone: the shop's time zone.
    """
    if file_format is FileFormat.CSV:
        return CsvWriter(path, columns, encoding=encoding, zone=zone)
    if file_format is FileFormat.XLSX:
        return ExcelWriter(path, columns, zone=zone)
    return ParquetWriter(path, columns)


class CsvWriter:
    """RFC 4180: texts in double quotes, CRLF, the header first."""

    def __init__(self, path: Path, columns: Columns, *, encoding: Encoding, zone: str) -> None:
        self._columns = columns
        self._encoding = encoding
        self._zone = zone
        self._rows = self._replaced = 0
        self._file: BinaryIO = path.open("wb")
        if encoding is Encoding.UTF8_BOM:
            self._file.write("\ufeff".encode())
        header = [f'"{protect(name).replace(chr(34), chr(34) * 2)}"' for name in columns]
        self._put(",".join(header) + "\r\n")

    def write(self, rows: pl.DataFrame) -> None:
        """See `Writer`."""
        texts = [pl.col(name) for name, dtype in self._columns.items() if dtype == pl.String]
        cells = rows.select(*self._columns).with_columns(_in_zone(self._columns, self._zone))
        if self._encoding is Encoding.CP932:
            cells = cells.with_columns(text.str.normalize("NFC") for text in texts)
        quote = pl.lit("'")
        cells = cells.with_columns(
            pl.when(text.str.contains(TO_PROTECT)).then(pl.concat_str(quote, text)).otherwise(text).alias(name)
            for text, name in ((text, text.meta.output_name()) for text in texts)
        )
        written = cells.write_csv(
            include_header=False,
            quote_style="non_numeric",
            line_terminator="\r\n",
            datetime_format="%Y-%m-%dT%H:%M:%S%.f%:z",
        )
        self._put(written)
        self._rows += rows.height

    def close(self) -> Written:
        """See `Writer`."""
        self._file.close()
        return Written(self._rows, replaced=self._replaced)

    def _put(self, text: str) -> None:
        if self._encoding is Encoding.CP932:
            encoded, replaced = in_cp932(text)
            self._replaced += replaced
        else:
            encoded = text.encode()
        self._file.write(encoded)


class ExcelWriter:
    """One workbook; a table that is longer than a sheet goes on in the next one. Rows leave memory as they are written."""

    def __init__(self, path: Path, columns: Columns, *, zone: str) -> None:
        self._columns = columns
        self._zone = zone
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "tmpdir": str(path.parent),
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.use_zip64()
        self._bold = self._book.add_format({"bold": True})
        self._formats = {
            pl.Date: self._book.add_format({"num_format": "yyyy-mm-dd"}),
            pl.Datetime: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        self._rows = self._cut = 0
        self._row = 0
        self._begin_sheet()

    def write(self, rows: pl.DataFrame) -> None:
        """See `Writer`."""
        cells = rows.select(*self._columns).with_columns(_in_zone(self._columns, self._zone, naive=True))
        while cells.height:
            if self._row == LAST_ROW:
                self._begin_sheet()
            room = LAST_ROW - self._row
            self._write_part(cells.head(room))
            cells = cells.slice(room)

    def _write_part(self, cells: pl.DataFrame) -> None:
        writers = [self._cell_writer(dtype) for dtype in self._columns.values()]
        for row in cells.iter_rows():
            for column, (write, value) in enumerate(zip(writers, row, strict=True)):
                if value is not None and write(self._row, column, value) == _CUT:
                    self._cut += 1
            self._row += 1
        self._rows += cells.height

    def close(self) -> Written:
        """See `Writer`."""
        self._book.close()
        return Written(self._rows, cut=self._cut)

    def _begin_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for column, name in enumerate(self._columns):
            self._sheet.write_string(0, column, name, self._bold)
        self._row = 1

    def _cell_writer(self, dtype: DataType | DataTypeClass) -> Any:
        if dtype == pl.String:
            return self._sheet.write_string
        if dtype == pl.Boolean:
            return self._sheet.write_boolean
        if dtype in (pl.Date, pl.Datetime):
            return partial(self._write_day, self._formats[pl.Date if dtype == pl.Date else pl.Datetime])
        return self._write_number

    def _write_day(self, look: Any, row: int, column: int, value: date) -> int:
        """A day or moment; Excel's calendar begins in 1900, earlier ones are written as text."""
        if value.year < _EXCEL_BEGINS:
            return int(self._sheet.write_string(row, column, value.isoformat()))
        return int(self._sheet.write_datetime(row, column, value, look))

    def _write_number(self, row: int, column: int, value: float) -> int:
        if isinstance(value, int) and abs(value) > _EXACT:
            return int(self._sheet.write_string(row, column, str(value)))
        return int(self._sheet.write_number(row, column, value))


_CUT = -2
"""What XlsxWriter answers for a text longer than 32,767 characters, of which it writes so many."""


class ParquetWriter:
    """One Parquet file, a row group a chunk."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self._columns = columns
        self._rows = 0
        schema = pl.DataFrame(schema=columns).to_arrow().schema
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema

    def write(self, rows: pl.DataFrame) -> None:
        """See `Writer`."""
        if rows.height:
            self._file.write_table(rows.select(*self._columns).to_arrow().cast(self._schema))
        self._rows += rows.height

    def close(self) -> Written:
        """See `Writer`."""
        self._file.close()
        return Written(self._rows)


def in_cp932(text: str) -> tuple[bytes, int]:
    """A text in CP932, and how many characters it lacks: they become `GETA`, but for those that have a twin."""
    try:
        return text.encode("cp932"), 0
    except UnicodeEncodeError:
        twinned = text.translate(_TWINS)
    missing = [character for character in set(twinned) if not _has_cp932(character)]
    replaced = sum(twinned.count(character) for character in missing)
    return twinned.translate({ord(character): GETA for character in missing}).encode("cp932"), replaced


@cache
def _has_cp932(character: str) -> bool:
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def _in_zone(columns: Columns, zone: str, *, naive: bool = False) -> Iterator[pl.Expr]:
    for name, dtype in columns.items():
        if dtype == pl.Datetime:
            local = pl.col(name).dt.convert_time_zone(zone)
            yield local.dt.replace_time_zone(None) if naive else local
