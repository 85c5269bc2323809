"""A file of history in which a few customers are found without reading the others.

Arrow's file format, every `BLOCK` rows compressed for themselves and sorted by customer, and beside it an index: the first and
the last customer of each block. The index is put in place last and in one step, and names the file of rows that it belongs to
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

BLOCK = 512
"""Rows that are unpacked together: some ten customers, a tenth of a millisecond. Half as many take a tenth more disk."""

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
class SortedRows:
    """One such file, as its index describes it.

    Attributes:
        index: the index.
        rows: the file of rows.
        files: the files of the lake whose rows it holds, and no others, by their names in the table.
        count: how many rows.
        first: the first customer of each block.
        last: the last customer of each block.
    """

    index: Path
    rows: Path
    files: frozenset[str]
    count: int
    first: Numbers
    last: Numbers

    def blocks_of(self, customer_ids: Numbers) -> Numbers:
        """The blocks that may hold rows of some customers, in order; their numbers sorted."""
        holds = np.searchsorted(customer_ids, self.first, "left") < np.searchsorted(customer_ids, self.last, "right")
        return cast("Numbers", np.flatnonzero(holds))

    def read(self, customer_ids: Numbers, blocks: Numbers) -> pl.DataFrame:
        """The rows of some customers, their numbers sorted, out of their `blocks_of`; in the columns of customer_days but the bucket.

        Raises:
            Unreadable: there is no such file any more, or it is damaged.
        """
        try:
            with pa.memory_map(str(self.rows)) as file:
                reader = pa.ipc.open_file(file, options=_ALONE)
                found = [part for number in blocks for part in _of(reader.get_batch(int(number)), customer_ids)]
                table = pa.Table.from_batches(found, reader.schema).combine_chunks()
        except (OSError, pa.ArrowException) as error:
            raise Unreadable(str(error)) from error
        return _unpacked(cast("pl.DataFrame", pl.from_arrow(table)))


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
            count=said["count"],
            first=table.column("first").to_numpy(),
            last=table.column("last").to_numpy(),
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
    first: list[Numbers] = []
    last: list[Numbers] = []
    count = 0
    with pa.OSFile(str(rows), "wb") as file, pa.ipc.new_file(file, _schema(), options=_OPTIONS) as writer:
        for part in parts:
            ordered = part.sort("customer_id", maintain_order=True)
            numbers = ordered.get_column("customer_id").to_numpy()
            starts = np.arange(0, len(numbers), BLOCK)
            first.append(numbers[starts])
            last.append(numbers[np.minimum(starts + BLOCK, len(numbers)) - 1])
            count += len(numbers)
            writer.write_table(_packed(ordered), max_chunksize=BLOCK)
            done = len(numbers)
            del part, ordered, numbers  # not to be held in memory while it rests
            yield done
    _to_disk(rows)
    watch("sorted")
    said = {"rows": rows.name, "files": sorted(files), "count": count}
    _write_index(index, np.concatenate(first), np.concatenate(last), said)
    watch("indexed")


def _write_index(index: Path, first: Numbers, last: Numbers, said: dict[str, Any]) -> None:
    table = pa.table({"first": first, "last": last}).replace_schema_metadata(
        {key: json.dumps(value) for key, value in said.items()}
    )
    new = index.with_suffix(".new")
    with pa.OSFile(str(new), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    _to_disk(new)
    new.rename(index)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _of(block: pa.RecordBatch, customer_ids: Numbers) -> Iterator[pa.RecordBatch]:
    """The parts of a block that belong to some customers, nothing copied."""
    held = block.column(0).to_numpy()
    asked = customer_ids[customer_ids.searchsorted(held[0], "left") : customer_ids.searchsorted(held[-1], "right")]
    begins, ends = held.searchsorted(asked, "left"), held.searchsorted(asked, "right")
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if begin < end:
            yield block.slice(begin, end - begin)


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
