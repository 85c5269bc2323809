"""Files of history and of the customer frame that are missing or cannot be read, and how they are taken out of the way."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from backend.lake.frame import CustomerFrame
from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import Lake

ASIDE = "damaged"
"""Folder of the lake where damaged files wait for a person's eye."""

_NUMBERED = (Table.EVENTS, Table.ORDER_LINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One file.

    Attributes:
        table: of the lake; None for a file of the customer frame.
        file: its address.
        missing: it is not there; otherwise it cannot be read.
        partition: the business day or bucket whose rows it held; None for a table's log, without which nothing can be read.
        rows: how many rows it held.
        numbers: the first and the last number of the log among them, in tables that have one.
        earliest: the first business day among them, where its log says so.
    """

    table: Table | None
    file: str
    missing: bool
    partition: date | int | None = None
    rows: int = 0
    numbers: tuple[int, int] | None = None
    earliest: date | None = None

    @property
    def is_log(self) -> bool:
        """Whether a whole table cannot be opened."""
        return self.table is not None and self.partition is None

    def __str__(self) -> str:
        """One sentence."""
        what = "is missing" if self.missing else "cannot be read"
        if self.is_log:
            return f"{self.file} {what}: table {self.table} cannot be opened."
        if self.table is None:
            return f"{self.file} {what}: a part of the customer frame, which can be made again."
        return f"{self.file} {what}: {self.rows:,} rows of {LAYOUTS[self.table].partition} {self.partition}."


def examine_lake(lake: Lake, *, thorough: bool) -> list[Damage]:
    """What is wrong with a lake's files. Of an object store only missing files are told.

    Args:
        lake: a table that was never made is no damage.
        thorough: read every row, not only what each file says of itself.
    """
    return [damage for table in Table for damage in _table(lake, table, thorough=thorough)]


def examine_frame(frame: CustomerFrame) -> list[Damage]:
    """What is wrong with the customer frame's files."""
    manifest = frame.path / "manifest.json"
    try:
        names = sorted(frame.manifest().files())
    except (msgspec.MsgspecError, OSError):
        return [Damage(table=None, file=str(manifest), missing=False)]
    found = []
    for name in names:
        path = frame.path / name
        if not path.exists() or not _is_arrow(path):
            found.append(Damage(table=None, file=str(path), missing=not path.exists()))
    return found


def drop_frame(frame: CustomerFrame) -> None:
    """Remove the frame's files: the next refresh makes everybody's row."""
    for path in [frame.path / "manifest.json", *frame.path.glob("*.arrow")]:
        path.unlink(missing_ok=True)


def take_out(lake: Lake, damages: list[Damage]) -> None:
    """Have the tables go on without the damaged files; what is there of them is kept in `ASIDE`."""
    for damage in damages:
        path = Path(damage.file)
        if "://" not in damage.file and path.is_file():
            aside = Path(lake.location, ASIDE, str(damage.table))
            aside.mkdir(parents=True, exist_ok=True)
            shutil.move(path, aside / path.name)
    for table in {damage.table for damage in damages if damage.table is not None}:
        lake.open(table).repair()


def set_table_aside(lake: Lake, table: Table) -> None:
    """Move a table that cannot be opened out of the way."""
    place = Path(lake.location, ASIDE)
    place.mkdir(parents=True, exist_ok=True)
    names = (place / f"{table}-{number}" for number in range(1, 1000))
    shutil.move(Path(lake.location, table), next(name for name in names if not name.exists()))
    lake.forget_handle(table)


def _table(lake: Lake, table: Table, *, thorough: bool) -> Iterator[Damage]:
    address = lake.address(table)
    if not lake.has(table):
        return
    try:
        handle = lake.open(table)
        actions = pl.DataFrame(handle.get_add_actions(flatten=True))
    except (DeltaError, OSError, ValueError):
        yield Damage(table=table, file=_broken_log(address), missing=False)
        return
    absent = {*_absent(handle)}
    for row in actions.iter_rows(named=True):
        file = f"{address}/{row['path']}"
        missing = row["path"] in absent
        if missing or ("://" not in address and not _is_sound(Path(file), row, thorough=thorough)):
            numbers = (row["min.seq"], row["max.seq"]) if table in _NUMBERED else None
            partition = row[f"partition.{LAYOUTS[table].partition}"]
            rows = row["num_records"] or 0
            told = {"partition": partition, "rows": rows, "numbers": numbers, "earliest": row.get("min.business_day")}
            yield Damage(table=table, file=file, missing=missing, **told)


def _absent(handle: DeltaTable) -> list[str]:
    return list(handle.repair(dry_run=True)["files_removed"])


def _is_sound(path: Path, row: dict[str, object], *, thorough: bool) -> bool:
    try:
        if path.stat().st_size != row["size_bytes"]:
            return False
        if pq.read_metadata(path).num_rows != row["num_records"]:
            return False
        if thorough:
            with pq.ParquetFile(path) as file:
                for _ in file.iter_batches():
                    pass
    except (OSError, pa.ArrowException, ValueError):
        return False
    return True


def _is_arrow(path: Path) -> bool:
    with contextlib.suppress(OSError, pa.ArrowException, ValueError), pa.memory_map(str(path)) as source:
        pa.ipc.open_file(source).read_all().validate(full=True)
        return True
    return False


def _broken_log(address: str) -> str:
    """The first entry of a local table's log that is no list of JSON objects, else the log."""
    folder = Path(address, "_delta_log")
    for path in sorted(folder.glob("*.json")) if "://" not in address else ():
        try:
            for line in path.read_bytes().splitlines():
                msgspec.json.decode(line, type=dict)
        except (OSError, msgspec.MsgspecError):
            return str(path)
    return f"{address}/_delta_log"
