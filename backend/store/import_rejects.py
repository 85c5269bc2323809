"""Rejected rows, in a file that can be corrected and imported again.

Beside why a row was rejected the file holds the row as it came, under its own columns: CSV for files of columns, NDJSON for NDJSON.
Texts that a spreadsheet would run are marked (`segments.cells`), and the import takes the mark off again.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl

from backend.store.import_tables import Reject
from segments.cells import TO_PROTECT
from segments.import_checks import ROW
from segments.import_fields import OWN_COLUMNS
from segments.import_reasons import reason_of

OWN = tuple(f"{OWN_COLUMNS}{name}" for name in ("row", "reason", "reason_ja", "value"))
LINE = f"{OWN_COLUMNS}line"
"""Key of a line that is no JSON object, as it came."""

_PLAIN_NUMBER = r"^-?[0-9]{1,18}(\.[0-9]{1,6})?$"


class RejectsFile:
    """``<file>.rejects.csv`` or ``.rejects.ndjson`` beside a file; in ``instead`` where that folder is read-only.

    Attributes:
        counts: rows by reason.
    """

    def __init__(self, path: Path, instead: Path, *, columns: Sequence[str], as_json: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._columns = [name for name in columns if not name.startswith(OWN_COLUMNS)]
        self._json = as_json
        self._folders = (path.absolute().parent, instead)
        self._name = f"{path.name}.rejects.{'ndjson' if as_json else 'csv'}"
        self._file: BinaryIO | None = None
        for folder in self._folders:
            with contextlib.suppress(OSError):
                (folder / self._name).unlink(missing_ok=True)

    def add(self, rejected: pl.DataFrame, rows: pl.DataFrame) -> None:
        """Add rows that were read.

        Args:
            rejected: row, reason, value.
            rows: the rows as they came, numbered by `ROW`; others may be among them.
        """
        if rejected.is_empty():
            return
        for reason, count in rejected["reason"].value_counts().iter_rows():
            self.counts[reason] += count
        found = rejected.join(rows, left_on="row", right_on=ROW, how="left", maintain_order="left")
        missing = [pl.lit(None, pl.String).alias(name) for name in self._columns if name not in found.columns]
        said = {reason: reason_of(reason).ja for reason in rejected["reason"].unique()}
        japanese = pl.col("reason").replace_strict(said, return_dtype=pl.String)
        own = (pl.col("row"), pl.col("reason"), japanese, pl.col("value"))
        named = found.with_columns(missing).select(
            *(cell.alias(name) for cell, name in zip(own, OWN, strict=True)),
            *(_as_text(name, found.schema.get(name, pl.String())) for name in self._columns),
        )
        self._write(named)

    def add_unread(self, rejects: Iterable[Reject]) -> None:
        """Add rows that could not be read as rows, with as much of them as could."""
        rows: list[dict[str, Any]] = []
        for reject in rejects:
            self.counts[reject.reason] += 1
            own = dict(zip(OWN, (reject.row, reject.reason, reason_of(reject.reason).ja, reject.value), strict=True))
            rows.append(
                own | (_of_line(reject.line) if self._json else dict(zip(self._columns, reject.cells, strict=False)))
            )
        if not rows:
            return
        if self._json:
            self._open().write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        else:
            schema = {OWN[0]: pl.Int64} | dict.fromkeys([*OWN[1:], *self._columns], pl.String)
            self._write(pl.DataFrame(rows, schema))

    def close(self) -> str | None:
        """Where the rows are listed; None when there are none."""
        if self._file is None:
            return None
        self._file.close()
        return str(self._file.name)

    def _write(self, rows: pl.DataFrame) -> None:
        file = self._open()
        if self._json:
            lines = (
                {name: value for name, value in row.items() if value is not None} for row in rows.iter_rows(named=True)
            )
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        else:
            rows.with_columns(_protected(name) for name in rows.select(pl.col(pl.String)).columns).write_csv(
                file, include_header=False
            )

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = self._create()
            if not self._json:
                header = pl.DataFrame(schema=dict.fromkeys([*OWN, *self._columns], pl.String))
                header.write_csv(self._file, include_bom=True)
        return self._file

    def _create(self) -> BinaryIO:
        near, instead = self._folders
        try:
            return _create_private(near / self._name)
        except OSError:
            instead.mkdir(parents=True, exist_ok=True)
            return _create_private(instead / self._name)


def _create_private(path: Path) -> BinaryIO:
    """People's data are in it: for its owner only."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_nested():
        return pl.struct(pl.col(name).alias("v")).struct.json_encode().alias(name)
    return pl.col(name).cast(pl.String)


def _protected(name: str) -> pl.Expr:
    """`segments.cells.protect` for a whole column; numbers need none."""
    cell = pl.col(name)
    risky = cell.str.contains(TO_PROTECT) & ~cell.str.contains(_PLAIN_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), cell)).otherwise(cell).alias(name)


def _of_line(line: str) -> dict[str, Any]:
    """An object's own keys; of a line that is none, the line."""
    try:
        found = msgspec.json.decode(line.encode(errors="replace"), type=dict[str, Any])
    except msgspec.MsgspecError:
        return {LINE: line}
    return {name: value for name, value in found.items() if not name.startswith(OWN_COLUMNS)}
