"""Reads files of rows (CSV, NDJSON, Parquet) in chunks, so that a file may be larger than memory.

What cannot be read as a row comes back as a `Reject` with its line number; the rest of the file goes on.
"""

import codecs
import contextlib
import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from backend.errors import BadInput
from segments.cells import PROTECTED, unprotect

CHUNK = 50_000
"""Rows of a chunk."""

SUFFIXES = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that does not fit.

    Attributes:
        row: line of a CSV or NDJSON file (the header is line 1), or number of a Parquet row, from 1.
        reason: why, the same words for the same fault.
        value: what was found there.
    """

    row: int
    reason: str
    value: str


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


def kind_of(path: Path) -> str:
    """csv, ndjson or parquet.

    Raises:
        BadInput: there is no such file, or its name ends in none of the known ways.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", field="file")
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise BadInput(
            f"{path.name} ends in none of {', '.join(SUFFIXES)}: rename it to what it holds (uncompressed).",
            field="file",
        )
    return kind


def digest_of(path: Path, *options: str) -> bytes:
    """What tells one content, read in one way, from all others."""
    state = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            state.update(piece)
    for option in options:
        state.update(b"\x00" + option.encode())
    return state.digest()


def column_names(path: Path, *, encoding: str = "utf-8-sig") -> list[str]:
    """The columns of a file; of NDJSON, the keys of its first object.

    Raises:
        BadInput: the file is empty or cannot be read.
    """
    first = next(tables(path, encoding=encoding, chunk=1), None)
    if first is None or not first.columns:
        raise BadInput(f"{path.name} holds no rows that can be read.", field="file")
    return list(first.columns)


def tables(path: Path, *, encoding: str = "utf-8-sig", chunk: int = CHUNK) -> Iterator[Table]:
    """The file's rows, some tens of thousands at a time.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    kind = kind_of(path)
    if kind == "csv":
        return _csv(path, encoding, chunk)
    return _parquet(path, chunk) if kind == "parquet" else _ndjson(path, chunk)


def lines(path: Path, *, chunk: int) -> Iterator[tuple[list[tuple[int, bytes]], float]]:
    """Lines of a text file with their numbers, empty ones left out, and the share of the file read so far."""
    size, done, batch = max(path.stat().st_size, 1), 0, []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            done += len(line)
            if stripped := line.strip():
                batch.append((number, stripped))
            if len(batch) == chunk:
                yield batch, done / size
                batch = []
    if batch:
        yield batch, 1.0


def _csv(path: Path, encoding: str, chunk: int) -> Iterator[Table]:
    size = max(path.stat().st_size, 1)
    try:
        with path.open("rb") as raw, _text(raw, encoding) as file:
            reader = csv.reader(file, strict=True)
            header = [unprotect(name).strip() for name in next(reader, [])]
            _check_header(path, header)
            yield from _csv_chunks(reader, header, chunk, lambda: min(raw.tell() / size, 1.0))
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.name} is not {encoding.removesuffix('-sig')}: name its encoding, for example --encoding cp932 ({error.reason}).",
            field="encoding",
        ) from None
    except csv.Error as error:
        raise BadInput(f"{path.name} is no CSV after line {reader.line_num}: {error}.", field="file") from None


def _text(raw: BinaryIO, encoding: str) -> TextIOWrapper:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise BadInput(
            f"There is no encoding {encoding}; Japanese files are utf-8 or cp932.", field="encoding"
        ) from None
    return TextIOWrapper(raw, encoding=encoding, newline="")


def _check_header(path: Path, header: list[str]) -> None:
    if not any(header):
        raise BadInput(f"{path.name} is empty: its first line must name the columns.", field="file")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise BadInput(f"{path.name} has two columns named {min(twice)!r}: rename one.", field="file")


def _csv_chunks(reader: Any, header: list[str], chunk: int, share: Callable[[], float]) -> Iterator[Table]:
    numbers: list[int] = []
    rows: list[list[str]] = []
    unread: list[Reject] = []
    for row in reader:
        if len(row) == len(header):
            numbers.append(reader.line_num)
            rows.append(row)
        elif row:
            unread.append(Reject(reader.line_num, f"the row has not {len(header)} columns", f"{len(row)} columns"))
        if len(rows) >= chunk:
            yield _table(numbers, header, rows, unread, share())
            numbers, rows, unread = [], [], []
    if rows or unread:
        yield _table(numbers, header, rows, unread, 1.0)


def _table(numbers: list[int], header: list[str], rows: list[list[str]], unread: list[Reject], share: float) -> Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    series = {name: _texts(values) for name, values in zip(header, columns, strict=True)}
    return Table(numbers, series, tuple(unread), share)


def _texts(values: Sequence[str]) -> pl.Series:
    """Cells of a column, without the quote that an export put before what a spreadsheet would run."""
    return pl.Series(values, dtype=pl.String).str.replace(PROTECTED, "$1")


def _parquet(path: Path, chunk: int) -> Iterator[Table]:
    try:
        file = pq.ParquetFile(path)
        total, done = max(file.metadata.num_rows, 1), 0
        for batch in file.iter_batches(batch_size=chunk):
            frame = cast("pl.DataFrame", pl.from_arrow(batch))
            numbers = range(done + 1, done + 1 + len(frame))
            done += len(frame)
            yield Table(numbers, dict(zip(frame.columns, frame.get_columns(), strict=True)), (), done / total)
    except pa.ArrowException as error:
        raise BadInput(f"{path.name} is no Parquet file: {str(error).splitlines()[0]}", field="file") from None


def _ndjson(path: Path, chunk: int) -> Iterator[Table]:
    for batch, share in lines(path, chunk=chunk):
        numbers: list[int] = []
        rows: list[dict[str, str | None]] = []
        unread: list[Reject] = []
        for number, line in batch:
            try:
                row = msgspec.json.decode(line, type=dict[str, str | int | float | bool | None])
            except msgspec.MsgspecError as error:
                unread.append(Reject(number, "not a flat JSON object", str(error)))
                continue
            numbers.append(number)
            rows.append({name: None if value is None else str(value) for name, value in row.items()})
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
        yield Table(numbers, columns, tuple(unread), share)


class RejectsFile:
    """Lists rows that do not fit in ``<file>.rejects.csv`` beside the file; in ``instead`` where that folder is read-only.

    Attributes:
        counts: rows by reason.
    """

    def __init__(self, path: Path, instead: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._name = f"{path.name}.rejects.csv"
        self._folders = (path.absolute().parent, instead)
        self._file: TextIOWrapper | None = None
        for folder in self._folders:
            with contextlib.suppress(OSError):
                (folder / self._name).unlink(missing_ok=True)

    def write(self, rejects: Iterable[Reject]) -> None:
        """Add rows; the file comes into being with the first."""
        for reject in rejects:
            file = self._file or self._open()
            self.counts[reject.reason] += 1
            csv.writer(file).writerow((reject.row, reject.reason, _harmless(reject.value)))

    def close(self) -> str | None:
        """Where the rows are listed; None when there are none."""
        if self._file is None:
            return None
        self._file.close()
        return str(self._file.name)

    def _open(self) -> TextIOWrapper:
        near, instead = self._folders
        try:
            self._file = (near / self._name).open("w", encoding="utf-8-sig", newline="")
        except OSError:
            instead.mkdir(parents=True, exist_ok=True)
            self._file = (instead / self._name).open("w", encoding="utf-8-sig", newline="")
        csv.writer(self._file).writerow(("row", "reason", "value"))
        return self._file


def _harmless(value: str | None) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    text = value or ""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"} else text
