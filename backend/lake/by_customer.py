"""Everybody's history once more beside the frame, sorted by customer: what a refresh reads of those who were touched.

In the lake ten thousand touched customers of ten million are in every part of every file, and to find them all history is
unpacked. Here the large files of a bucket lie merged in one file (`backend.lake.sorted_rows`) of which a few blocks are read;
the small ones that came since are few and are read in the lake.

Nothing depends on it. A file says which files of the lake it was made of, and counts only while the lake still has every one of
them: the lake never changes a file, so that its rows are theirs. Where it does not count, or is missing or damaged, the rows
are read in the lake. Only the one writer of the lake reads, writes and removes here; where several processes take turns at that,
each leaves alone what another has begun, until it has rested too long.
"""

import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl
import structlog

from backend.lake.compaction import UNSETTLED, Compaction, settle
from backend.lake.neighbours import among
from backend.lake.schemas import Table
from backend.lake.sorted_rows import INDEX, ROWS, Numbers, SortedRows, Unreadable, open_sorted, write_sorted
from backend.lake.tables import Lake
from segments.reduce.days import BUCKETS, DAYS_SCHEMA

FOLDER = "histories"
"""Inside of the frame's folder."""

BEHIND = 2 * UNSETTLED
"""The share of a bucket's rows that may be missing from its sorted file."""

DENSE = 0.25
"""Where more of the blocks than this are asked for, to read all of the bucket in the lake takes less time."""

ROWS_AT_ONCE = 1_000_000
"""Rows after which the next part waits for the next turn, so that what is new does not wait long: a part takes some two CPU
seconds, a bucket of ten million customers thirty."""

ROWS_IN_MEMORY = 2_000_000
"""Rows that are sorted together, at some 250 bytes a row."""

LONGEST_REST = 600.0
"""Seconds after which what another process has begun counts as left behind by one that died."""

_STEP = 1_024
_BYTES_A_ROW = 40

_log = structlog.get_logger("histories")


@dataclass(frozen=True, slots=True)
class _Begun:
    """A sorted file on its way: what it is made of, and what is left to do; it rests between two turns of the writer."""

    bucket: int
    rows: Path
    files: frozenset[str]
    parts: Generator[int, None, None]


class CustomerHistories:
    """History of a lake by customer.

    Args:
        lake: whose customer_days.
        folder: where the sorted files lie; None has none, and everything is read in the lake.
    """

    def __init__(self, lake: Lake, folder: Path | None = None) -> None:
        self._lake = lake
        self._address = lake.address(Table.CUSTOMER_DAYS)
        self._folder = folder
        self._begun: _Begun | None = None

    def read(self, customer_ids: pl.Series) -> pl.DataFrame:
        """All rows of customer_days of these customers, as they were appended."""
        ids = customer_ids.unique().sort()
        parts = self._lake.parts(Table.CUSTOMER_DAYS)

        def of_bucket(bucket: int) -> list[pl.LazyFrame]:
            files = frozenset(parts.filter(pl.col("value") == bucket).get_column("file"))
            return list(self._of_bucket(bucket, ids.filter(ids % BUCKETS == bucket), files))

        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            found = pool.map(of_bucket, (ids % BUCKETS).unique().to_list())
            frames = [frame for frames in found for frame in frames]
        return pl.concat([pl.LazyFrame(schema=DAYS_SCHEMA), *frames]).collect()

    def _of_bucket(self, bucket: int, asked: pl.Series, files: frozenset[str]) -> Iterator[pl.LazyFrame]:
        numbers, held = asked.to_numpy(), self._sorted(bucket, files)
        if held is not None:
            found = _read(held, numbers)
            if found is not None:
                files -= held.files
                yield found.lazy().select(pl.lit(bucket, pl.Int32).alias("bucket"), pl.all())
        if files:
            yield self._lake.rows_in(Table.CUSTOMER_DAYS, files).filter(among(asked))

    def keep_up(self, rules: Compaction, *, watch: Callable[[str], None]) -> int:
        """Sort the buckets that need it most, as much as is quickly done; gives how many rows were written.

        A bucket that is too large for that is gone on with by the next call.
        """
        written, tried = 0, {_bucket_of(path) for path in self._others()}  # two would write the same
        self._let_go(begun_by_others=False)
        while self._folder is not None and written < ROWS_AT_ONCE:
            if self._begun is None:
                bucket = self._furthest_behind(rules, tried)
                if bucket is None or not self._has_room(bucket):
                    break
                tried.add(bucket)
                settle(self._lake, bucket, rules)
                self._begun = self._begin(self._folder, bucket, rules, watch)
            written += self._go_on()
        return written

    def _go_on(self) -> int:
        """Write the next part of what was begun; puts it in force where none is left, and gives how many rows it wrote."""
        begun, self._begun = self._begun, None  # whatever goes wrong, it is begun anew
        if begun is None:
            return 0
        if written := next(begun.parts, 0):
            self._begun = begun
        else:
            _log.info("history_sorted", bucket=begun.bucket)
            self._let_go(begun_by_others=False)
        return written

    def let_go(self) -> None:
        """Remove what counts no more, and what other writers have begun: it may be of someone who was erased."""
        self._let_go(begun_by_others=True)

    def _let_go(self, *, begun_by_others: bool) -> None:
        if self._folder is None or not self._folder.exists():
            return
        parts = self._lake.parts(Table.CUSTOMER_DAYS)
        kept: set[Path] = set()
        for bucket in range(BUCKETS):
            held = self._sorted(bucket, frozenset(parts.filter(pl.col("value") == bucket).get_column("file")))
            kept |= set() if held is None else {held.index, held.rows}
        kept |= self._resting(parts)
        kept |= set() if begun_by_others else self._others()
        for path in set(self._folder.iterdir()) - kept:
            path.unlink(missing_ok=True)

    def _others(self) -> set[Path]:
        """What another process may be about to write: no index names it yet, and it was written to not long ago."""
        if self._folder is None or not self._folder.exists():
            return set()
        named = {held.rows for bucket in range(BUCKETS) if (held := self._open(bucket)) is not None}
        own = set() if self._begun is None else {self._begun.rows}
        return {path for path in {*self._folder.glob(f"*{ROWS}")} - named - own if _is_fresh(path)}

    def _resting(self, parts: pl.DataFrame) -> set[Path]:
        """The file that is on its way; none, and it is given up, where it or something that it is made of is there no more."""
        if self._begun is None:
            return set()
        there = frozenset(parts.filter(pl.col("value") == self._begun.bucket).get_column("file"))
        if self._begun.files <= there and self._begun.rows.exists():
            return {self._begun.rows}
        self._begun.parts.close()
        self._begun = None
        return set()

    def _sorted(self, bucket: int, files: frozenset[str]) -> SortedRows | None:
        """The sorted file of a bucket, if the lake still has all that it was made of."""
        held = self._open(bucket)
        return held if held is not None and held.files <= files else None

    def _open(self, bucket: int) -> SortedRows | None:
        if self._folder is None:
            return None
        try:
            held = open_sorted(self._index(self._folder, bucket))
        except Unreadable:
            return None
        return replace(held, files=frozenset(f"{self._address}/{name}" for name in held.files))

    def _furthest_behind(self, rules: Compaction, tried: Collection[int]) -> int | None:
        """The bucket that lacks the largest share of its rows, if it is too large a one; small buckets are not worth it."""
        parts, worst = self._lake.parts(Table.CUSTOMER_DAYS), (BEHIND, -1)
        for (value,), own in parts.group_by("value"):
            bucket, rows = int(str(value)), int(own.get_column("rows").sum())
            held = self._sorted(bucket, frozenset(own.get_column("file")))
            behind = 1 - (0 if held is None else held.count) / max(rows, 1)
            if bucket not in tried and own.get_column("bytes").sum() >= rules.settled:
                worst = max(worst, (behind, bucket))
        return worst[1] if worst[1] >= 0 else None

    def _begin(self, folder: Path, bucket: int, rules: Compaction, watch: Callable[[str], None]) -> _Begun | None:
        large = self._settled(bucket, rules).get_column("file").to_list()
        if not large:
            return None
        index = self._index(folder, bucket)
        rows, all_of_it = (
            index.with_name(f"{index.stem}-{uuid4().hex}{ROWS}"),
            self._lake.rows_in(Table.CUSTOMER_DAYS, large),
        )
        # Without the lake's address: the same files in another place, put back from a backup say, are the same rows.
        names = [file.removeprefix(f"{self._address}/") for file in large]
        parts = write_sorted(index, rows, _in_ranges(all_of_it), names, watch=watch)
        return _Begun(bucket, rows, frozenset(large), parts)

    def _settled(self, bucket: int, rules: Compaction) -> pl.DataFrame:
        """The files of a bucket that no compaction of small ones will touch."""
        own = (pl.col("value") == bucket) & (pl.col("bytes") >= rules.settled)
        return self._lake.parts(Table.CUSTOMER_DAYS).filter(own)

    def _has_room(self, bucket: int) -> bool:
        """A sorted file is a copy: one that would fill the disk is left out, and the lake is read instead."""
        own = self._lake.parts(Table.CUSTOMER_DAYS).filter(pl.col("value") == bucket)
        needed = 2 * (int(own.get_column("rows").sum()) * _BYTES_A_ROW + int(own.get_column("bytes").sum()))
        free = shutil.disk_usage(_existing(self._folder or Path())).free
        if free < needed:
            _log.warning("history_not_sorted", bucket=bucket, free=free, needed=needed, remedy="more disk")
        return free >= needed

    @staticmethod
    def _index(folder: Path, bucket: int) -> Path:
        return folder / f"bucket-{bucket:02}{INDEX}"


def _read(held: SortedRows, asked: Numbers) -> pl.DataFrame | None:
    """None where it is better to read in the lake."""
    spans = held.spans_of(asked)
    if spans.blocks > max(1, DENSE * held.blocks):
        return None
    try:
        return held.read(spans)
    except Unreadable as error:
        _log.warning("history_unreadable", file=held.rows.name, reason=str(error))
        return None


def _in_ranges(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Rows in parts that fit in memory, by ranges of customers."""
    step = (pl.col("customer_id") // _STEP).alias("step")
    sizes = rows.group_by(step).agg(pl.len().alias("rows")).collect(engine="streaming").sort("step")
    part = (sizes.get_column("rows").cum_sum() - sizes.get_column("rows")) // ROWS_IN_MEMORY
    starts = sizes.filter(part.diff().fill_null(1) > 0).get_column("step").to_numpy()
    bounds = [*(starts * _STEP).tolist(), np.iinfo(np.int64).max]
    for begin, end in pairwise(bounds):
        inside = (pl.col("customer_id") >= begin) & (pl.col("customer_id") < end)
        yield rows.filter(inside).collect(engine="streaming")


def _bucket_of(rows: Path) -> int:
    return int(rows.name.split("-")[1])


def _is_fresh(path: Path) -> bool:
    """Written to not long ago: it may be on its way."""
    try:
        return time.time() - path.stat().st_mtime < LONGEST_REST
    except FileNotFoundError:
        return False


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
