"""A file of history in which a few customers are found without reading the others.

Arrow's file format, every `BLOCK` rows compressed for themselves and sorted by customer, and beside it an index: where each
customer's rows end. The index is put in place last and in one step, and names the file of rows that it belongs to
and the files of the lake whose rows those are: without it the file of rows is nothing.
"""

import json
import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from segments.reduce.days import DAYS_SCHEMA

BLOCK = 256
"""Rows that are unpacked together: some five customers, 32 µs. Twice as many take 62 µs, half as many 23 and a sixth more disk."""

INDEX, ROWS = ".index", ".arrow"

_LASTED = "lasted"
_STORED = [name for name in DAYS_SCHEMA if name not in ("bucket", "last_at")]
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_ALONE = pa.ipc.IpcReadOptions(use_threads=False)
"""To hand a block's columns to several threads takes longer than to unpack them."""

Numbers = npt.NDArray[np.int64]


class Unreadable(Exception):
    """The file is missing or damaged: the lake has the rows all the same."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the rows of some customers are: row numbers in the file, from begin to before end.

    Attributes:
        customers: who has rows there, in order.
        begins: of each the first row.
        ends: of each the row after the last.
    """

    customers: Numbers
    begins: Numbers
    ends: Numbers

    @property
    def blocks(self) -> int:
        """How many blocks are unpacked for them."""
        return sum(last - first + 1 for first, last in self.runs())

    def runs(self) -> Iterator[tuple[int, int]]:
        """The blocks that are unpacked for them: first and last of those that follow one upon the other."""
        first, last = self.begins // BLOCK, (self.ends - 1) // BLOCK
        apart = np.flatnonzero(first[1:] > last[:-1] + 1)
        begin, end = np.concatenate([first[:1], first[apart + 1]]), np.concatenate([last[apart], last[-1:]])
        yield from zip(begin.tolist(), end.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class SortedRows:
    """One such file, as its index describes it.

    Attributes:
        index: the index.
        rows: the file of rows.
        files: the files of the lake whose rows it holds, and no others, by their names in the table.
        customers: everyone who has rows in it, in order.
        ends: how many rows there are up to and with each of them.
        places: at which byte each block begins, and where the last one ends.
    """

    index: Path
    rows: Path
    files: frozenset[str]
    customers: Numbers
    ends: Numbers
    places: Numbers

    @property
    def count(self) -> int:
        """How many rows."""
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def blocks(self) -> int:
        """In how many blocks."""
        return len(self.places) - 1

    def spans_of(self, customer_ids: Numbers) -> Spans:
        """Where the rows of some customers are, their numbers sorted; who has none is left out."""
        if not len(self.customers):
            return Spans(self.customers, self.ends, self.ends)
        places = np.minimum(np.searchsorted(self.customers, customer_ids), len(self.customers) - 1)
        places = places[self.customers[places] == customer_ids]
        return Spans(self.customers[places], np.where(places > 0, self.ends[places - 1], 0), self.ends[places])

    def read(self, spans: Spans) -> pl.DataFrame:
        """The rows of some customers, in the columns of customer_days but the bucket.

        Raises:
            Unreadable: there is no such file any more, or it is damaged.
        """
        try:
            with pa.OSFile(str(self.rows)) as file:
                self._announce(file.fileno(), spans)
                reader = pa.ipc.open_file(file, options=_ALONE)
                table = pa.Table.from_batches(_parts(reader, spans), reader.schema).combine_chunks()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise Unreadable(str(error)) from error
        found = cast("pl.DataFrame", pl.from_arrow(table))
        held = np.repeat(spans.customers, spans.ends - spans.begins)
        if not np.array_equal(found.get_column("customer_id").to_numpy(), held):
            raise Unreadable("its index is not of these rows")
        return _unpacked(found)

    def _announce(self, file: int, spans: Spans) -> None:
        """Have the disk fetch all blocks side by side: asked for one after the other, cold ones take twice as long."""
        if hasattr(os, "posix_fadvise"):  # not on every system
            for first, last in spans.runs():
                begin, end = int(self.places[first]), int(self.places[last + 1])
                os.posix_fadvise(file, begin, end - begin, os.POSIX_FADV_WILLNEED)


def open_sorted(index: Path) -> SortedRows:
    """What an index describes.

    Raises:
        Unreadable: it is missing or damaged.
    """
    try:
        with pa.memory_map(str(index)) as file:
            table = pa.ipc.open_file(file).read_all()
        said = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
        return SortedRows(
            index=index,
            rows=index.with_name(said["rows"]),
            files=frozenset(said["files"]),
            **{name: table.column(name).chunk(0).values.to_numpy() for name in ("customers", "ends", "places")},
        )
    except (OSError, pa.ArrowException, KeyError, ValueError, AttributeError, TypeError) as error:
        raise Unreadable(str(error)) from error


def write_sorted(
    index: Path, rows: Path, parts: Iterable[pl.DataFrame], files: Collection[str], *, watch: Callable[[str], None]
) -> Generator[int, None, None]:
    """Write parts of history, each one's customers above those of the part before, and put the index in force.

    Gives how many rows each part had; after each, whoever asks may rest for as long as the files are there.

    Args:
        index: where the index goes; one that is there is replaced.
        rows: where the rows go, beside it.
        parts: rows of customer_days, a part at a time in memory.
        files: the files of the lake whose rows these are, all of them, by their names in the table.
        watch: called when the rows are written, and when the index is in force.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    customers: list[Numbers] = []
    lengths: list[Numbers] = []
    places: list[int] = []
    with pa.OSFile(str(rows), "wb") as file, pa.ipc.new_file(file, _schema(), options=_OPTIONS) as writer:
        rest = _packed(pl.DataFrame(schema=DAYS_SCHEMA))
        for part in parts:
            ordered = part.sort("customer_id", maintain_order=True)
            who, times = np.unique(ordered.get_column("customer_id").to_numpy(), return_counts=True)
            customers.append(who)
            lengths.append(times)
            whole = pa.concat_tables([rest, _packed(ordered)]).combine_chunks()
            full = whole.num_rows // BLOCK * BLOCK  # the last rows wait for the next part: all blocks are equally long
            places += _write_blocks(writer, file, whole.slice(0, full))
            rest = whole.slice(full).take(np.arange(whole.num_rows - full))  # on their own
            done = ordered.height
            del part, ordered, whole  # not to be held in memory while it rests
            yield done
        places += _write_blocks(writer, file, rest)
        places.append(file.tell())
    _to_disk(rows)
    watch("sorted")
    nobody = np.empty(0, np.int64)
    known = {
        "customers": np.concatenate([nobody, *customers]),
        "ends": np.cumsum(np.concatenate([nobody, *lengths])),
        "places": np.asarray(places),
    }
    _write_index(index, known, {"rows": rows.name, "files": sorted(files)})
    watch("indexed")


def _write_blocks(writer: pa.RecordBatchFileWriter, file: pa.OSFile, rows: pa.Table) -> list[int]:
    """At which byte each begins."""
    places = []
    for block in rows.to_batches(max_chunksize=BLOCK):
        places.append(file.tell())
        writer.write_batch(block)
    return places


def _write_index(index: Path, known: dict[str, Numbers], said: dict[str, Any]) -> None:
    """One row of lists: unpacked by nobody, mapped where it is asked for."""
    lists = {name: pa.LargeListArray.from_arrays([0, len(values)], values) for name, values in known.items()}
    table = pa.table(lists).replace_schema_metadata({key: json.dumps(value) for key, value in said.items()})
    new = index.with_suffix(".new")
    with pa.OSFile(str(new), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    _to_disk(new)
    new.rename(index)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _parts(reader: pa.RecordBatchFileReader, spans: Spans) -> Iterator[pa.RecordBatch]:
    """The rows of each customer in turn, nothing copied; neighbours in one block unpack it once."""
    number, block = -1, None
    for begin, end in zip(spans.begins.tolist(), spans.ends.tolist(), strict=True):
        row = begin
        while row < end:
            if row // BLOCK != number or block is None:
                number = row // BLOCK
                block = reader.get_batch(number)
            upto = min(end, (number + 1) * BLOCK)
            yield block.slice(row - number * BLOCK, upto - row)
            row = upto


def _packed(rows: pl.DataFrame) -> pa.Table:
    """Mostly a thing is done once a day: how long it lasted is a nought that takes no room, the moment once more is eight bytes."""
    lasted = (pl.col("last_at") - pl.col("first_at")).to_physical().alias(_LASTED)
    return rows.select(*_STORED, lasted).to_arrow(compat_level=pl.CompatLevel.oldest())


def _unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    last = pl.col("first_at") + pl.col(_LASTED).cast(pl.Duration("us"))
    return rows.with_columns(last.alias("last_at")).select(name for name in DAYS_SCHEMA if name != "bucket")


@cache
def _schema() -> pa.Schema:
    """Asked for, not kept: Polars' threads must not run before a process forks."""
    return _packed(pl.DataFrame(schema=DAYS_SCHEMA)).schema
