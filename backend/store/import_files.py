"""Files of rows (CSV, Excel, Parquet, NDJSON), looked at and read in chunks, so that a file may be larger than memory.

What cannot be read as a row comes back as a `Reject` with its line number; the rest of the file goes on.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from backend.errors import BadInput
from backend.store import import_csv, import_excel, import_json, import_parquet
from backend.store.import_tables import CHUNK, Look, Reading, Table
from segments.import_checks import ROW

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "excel",
}
"""What a file holds, by the end of its name."""


def format_of(name: str) -> str:
    """csv, ndjson, parquet or excel, by the end of a file's name.

    Raises:
        BadInput: the name ends in none of the known ways.
    """
    kind = SUFFIXES.get(Path(name).suffix.lower())
    if kind is None:
        raise BadInput(
            f"{name} ends in none of {', '.join(SUFFIXES)}: rename it to what it holds (uncompressed), "
            "or save it as .xlsx or .csv.",
            code="unknown_format",
            field="file",
        )
    return kind


def look(path: Path, wish: Reading | None = None) -> Look:
    """What a file holds and how it is to be read; what ``wish`` leaves open is found out.

    Raises:
        BadInput: no such file, or it is empty, too large or not what its name says.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", code="no_file", field="file")
    wished = replace(wish or Reading(), format=format_of(path.name))
    _check_wish(path, wished)
    if wished.format == "csv":
        return import_csv.look(path, wished)
    if wished.format == "excel":
        return import_excel.look(path, wished)
    return import_parquet.look(path) if wished.format == "parquet" else import_json.look(path)


def _check_wish(path: Path, wish: Reading) -> None:
    if wish.sheet is not None and wish.format != "excel":
        raise BadInput(f"{path.name} is no workbook, so it has no sheet to choose.", code="no_sheets", field="sheet")


def tables(path: Path, reading: Reading, *, chunk: int = CHUNK) -> Iterator[Table]:
    """The file's rows, some tens of thousands at a time.

    Args:
        path: of the file.
        reading: as `look` found it.
        chunk: most rows of one table.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    if reading.format == "csv":
        return import_csv.tables(path, reading, chunk)
    if reading.format == "excel":
        return import_excel.tables(path, reading, chunk)
    return import_parquet.tables(path, chunk) if reading.format == "parquet" else import_json.tables(path, chunk)


def rows_at(path: Path, reading: Reading, numbers: Collection[int]) -> Iterator[pl.DataFrame]:
    """The rows of these numbers, for what is found out about rows after they were read."""
    wanted = pl.Series(sorted(numbers), dtype=pl.Int64)
    for table in tables(path, reading):
        found = table.frame(ROW).filter(pl.col(ROW).is_in(wanted.implode()))
        if len(found):
            yield found


def digest_of(path: Path, *options: str) -> bytes:
    """What tells one content, read in one way, from all others."""
    state = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            state.update(piece)
    for option in options:
        state.update(b"\x00" + option.encode())
    return state.digest()
