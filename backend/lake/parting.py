"""History parted by customers, so that what is asked of everyone is asked of some at a time, and memory is bounded.

What a behaviour asks (orders put together, one thing after another) is asked of each customer by herself. Rows that lie in
files by bucket are read bucket by bucket as they are; rows that lie in files by day are read once and laid down in parts on
disk, because reading them anew for every part would cost as many times the reading.
"""

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa

from segments.reduce.days import BUCKETS

STEP = 2**15 * BUCKETS
"""A file holds the rows of the customers of one bucket whose numbers are within so many of each other."""

ROWS = 750_000
"""Rows of a part, unless one step has more."""

_YOUNG = 60.0
"""Seconds in which a folder that nobody holds is let alone: it may have been made a moment ago, to be held in the next."""

_HELD = "held"
"""A file that is locked while its folder is in use; the lock goes with the process, however that dies."""

_BATCH = 150_000
_PREFIX = "parts-"
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")

PLACE = (pl.col("customer_id") % BUCKETS) * 2**40 + pl.col("customer_id")
"""Where a customer comes among all: bucket by bucket, in each by number."""


@dataclass(frozen=True, slots=True)
class Some:
    """The customers of a bucket whose numbers are at least ``low`` and below ``high``; None: however large."""

    bucket: int
    low: int
    high: int | None

    @property
    def number(self) -> pl.Expr:
        """Whether a customer of the bucket is one of them; told so that parts of sorted files are passed over."""
        number = pl.col("customer_id")
        return (number >= self.low) & (pl.lit(value=True) if self.high is None else number < self.high)


class Parting:
    """Rows of several tables on their way to being worked on, in a folder that is gone when the block ends.

    Args:
        folder: where there is room; made where it is missing. What a process that died left in it is removed.
        events: what rows' ``event`` can be.
    """

    def __init__(self, folder: Path, *, events: Collection[str]) -> None:
        self._parent = folder
        self._narrow = {"customer_id": pl.Int32(), "event": pl.Enum([*events])}
        self._schemas: dict[str, pl.Schema] = {}
        self._counts: Counter[tuple[int, int]] = Counter()
        self._files: dict[tuple[str, int, int], Path] = {}

    def __enter__(self) -> Self:
        self._parent.mkdir(parents=True, exist_ok=True)
        sweep(self._parent)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
        self._hold = (self._folder / _HELD).open("wb")
        fcntl.flock(self._hold, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._hold.close()

    def add(self, name: str, rows: pl.LazyFrame) -> None:
        """Read ``rows``, which have a ``customer_id``, once, and lay them down; blocks."""
        with self.laying(name, rows.collect_schema()) as lay:
            for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=False, engine="streaming"):
                lay(batch)

    @contextlib.contextmanager
    def laying(self, name: str, schema: pl.Schema) -> Iterator[Callable[[pl.DataFrame], None]]:
        """Lay a table down as its rows come: the block hands some after the others to what it is given, which blocks."""
        self._schemas[name] = schema
        narrow = [pl.col(column).cast(dtype) for column, dtype in self._narrow.items() if column in schema]
        with ExitStack() as files:
            writers: dict[tuple[int, int], pa.ipc.RecordBatchFileWriter] = {}

            def lay(rows: pl.DataFrame) -> None:
                for key, part in _parted(rows.with_columns(narrow)):
                    if key not in writers:
                        path = self._files[name, *key] = self._folder / f"{name}-{key[0]}-{key[1]}.arrow"
                        writers[key] = files.enter_context(pa.ipc.new_file(str(path), part.schema, options=_LZ4))
                    writers[key].write_table(part)
                    self._counts[key] += part.num_rows

            yield lay

    def parts(
        self, besides: Mapping[int, int], *, upto: int, each: int = 1
    ) -> Iterator[tuple[Some, Mapping[str, pl.LazyFrame]]]:
        """Some customers after the others, in the order of `PLACE`, and the rows of each table that are theirs.

        Args:
            besides: by bucket, how many rows will be read beside these, evenly spread over the numbers of customers.
            upto: the highest of these numbers.
            each: how many rows are made of one while it is worked on, at the most.
        """
        for bucket in range(BUCKETS):
            steps = upto // STEP + 1
            last = max([steps - 1, *(step for own, step in self._counts if own == bucket)])
            begin, size = 0, 0.0
            for step in range(last + 1):
                more = self._counts[bucket, step] + (besides.get(bucket, 0) / steps if step < steps else 0)
                if size and (size + more) * each > ROWS:
                    yield self._part(bucket, begin, step)
                    begin, size = step, 0.0
                size += more
            yield self._part(bucket, begin, None)

    def _part(self, bucket: int, begin: int, end: int | None) -> tuple[Some, Mapping[str, pl.LazyFrame]]:
        steps = sorted(
            step for own, step in self._counts if own == bucket and begin <= step and (end is None or step < end)
        )
        some = Some(bucket, begin * STEP, None if end is None else end * STEP)
        return some, {name: self._read(name, bucket, steps) for name in self._schemas}

    def _read(self, name: str, bucket: int, steps: list[int]) -> pl.LazyFrame:
        files = [file for step in steps if (file := self._files.get((name, bucket, step))) is not None]
        schema = self._schemas[name]
        return pl.scan_ipc(files).cast(pl.Schema(schema)) if files else pl.LazyFrame(schema=schema)


def _parted(rows: pl.DataFrame) -> Iterator[tuple[tuple[int, int], pa.Table]]:
    """Rows by bucket and step: put in order once and cut, rather than each gathered for itself."""
    number, key = pl.col("customer_id"), pl.col("key")
    keys = rows.select((number // STEP * BUCKETS + number % BUCKETS).cast(pl.UInt32).alias("key"))
    table = rows[keys.to_series().arg_sort()].to_arrow(compat_level=pl.CompatLevel.newest())
    place = 0
    for value, count in keys.group_by(key).len().sort(key).iter_rows():
        yield (value % BUCKETS, value // BUCKETS), table.slice(place, count)
        place += count


def sweep(folder: Path) -> None:
    """Remove what processes left that died: customers' history, which is to lie nowhere longer than it is needed."""
    for left in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # held, or its owner has just removed it
            if time.time() - left.stat().st_mtime < _YOUNG:
                continue
            with (left / _HELD).open("ab") as hold:
                fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
