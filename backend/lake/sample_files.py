"""History of some customers in files of which a question reads what it asks for: an event's rows lie together.

Arrow's file format, compressed with LZ4; an index names the files in force and where each event begins. A file is never changed:
new ones are written, the index is put in their place in one step, and what is no longer in force is removed. Whoever reads meanwhile
and finds a file gone reads the index again.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast
from uuid import uuid4

import msgspec
import polars as pl
import pyarrow as pa

from backend.lake.manifest import replace_file

_ROWS = 65_536
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_ALL = ""

LAYOUT = 2
"""Another one as soon as the files hold other columns: a sample of an earlier release is drawn anew."""


class Stored(msgspec.Struct, frozen=True):
    """One file: its name, how many rows it holds, and of each event the numbers of its batches."""

    name: str
    rows: int
    batches: dict[str, list[int]]


class SampleIndex(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample is.

    Attributes:
        limit: who stands below it (`segments.sampling`) is in it.
        customers: how many customers there were when it was drawn.
        upto: every event up to this number is in its files.
        top: nobody with a higher number had done anything by then.
        raw_since: the first day of which raw history is all there, as a number of days; 0 where no day was ever dropped.
        tables: the files by what they hold.
        layout: which columns these have.
    """

    limit: int
    customers: int
    upto: int
    top: int
    raw_since: int
    tables: dict[str, Stored]
    layout: int = 1


def read_index(folder: Path) -> SampleIndex | None:
    """What is in force; None where there is no sample, or one of an earlier release."""
    try:
        index = msgspec.json.decode((folder / "sample.json").read_bytes(), type=SampleIndex)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return index if index.layout == LAYOUT else None


def put_in_force(folder: Path, index: SampleIndex) -> None:
    """Replace what is in force, and remove every other file: it may be of someone who was erased."""
    replace_file(folder / "sample.json", msgspec.json.encode(index))
    kept = {stored.name for stored in index.tables.values()}
    for path in folder.glob("*.arrow"):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Have no sample."""
    for path in [folder / "sample.json", *folder.glob("*.arrow")]:
        path.unlink(missing_ok=True)


def write_rows(folder: Path, what: str, rows: pl.DataFrame) -> Stored:
    """Write a file of rows; those of one event together, where they have events."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{what}-{uuid4().hex}.arrow"
    parts = _by_event(rows)
    batches: dict[str, list[int]] = {}
    schema = rows.clear().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_file(file, schema, options=_OPTIONS) as writer:
        count = 0
        for event, part in parts.items():
            table = part.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema).combine_chunks()
            cut = table.to_batches(max_chunksize=_ROWS)
            for batch in cut:
                writer.write_batch(batch)
            batches[event] = list(range(count, count + len(cut)))
            count += len(cut)
    return Stored(name, rows.height, batches)


def read_rows(
    folder: Path, stored: Stored, events: Iterable[str] | None = None, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The rows of some events, or all, in some columns, or all.

    Raises:
        FileNotFoundError: the file is not in force any more.
    """
    asked = stored.batches if events is None else [event for event in {*events} if event in stored.batches]
    numbers = sorted(number for event in asked for number in stored.batches[event])
    with pa.memory_map(str(folder / stored.name)) as file:
        reader = pa.ipc.open_file(file)
        if columns is not None:
            asked_columns = sorted(reader.schema.get_field_index(name) for name in columns)
            reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=asked_columns))
        table = pa.Table.from_batches([reader.get_batch(number) for number in numbers], reader.schema)
    rows = cast("pl.DataFrame", pl.from_arrow(table))
    return rows if columns is None else rows.select(columns)


def _by_event(rows: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    if "event" not in rows.columns:
        return {_ALL: rows}
    return {str(event): part for (event,), part in rows.partition_by("event", as_dict=True).items()}
