"""Keeping the number of files low: small files of a partition become one, files out of use are removed.

Every refresh leaves a small file in each partition it touched; readers open all of them. Only partitions with
many small files are rewritten, a few at a time, so that the refresh loop never waits long.

Whoever dies on the way leaves the rows as they were, or rewritten, and perhaps files that no version names: whole ones
that were never committed, and in a local folder halves of files, which the Delta vacuum does not see. They are out of use
like the others, and go with them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import Lake, writer_of

_UNFINISHED = "*#[0-9]*"
"""What a local file is called until all of it is written."""
_HOUR = 3600

UNSETTLED = 0.1
"""The share of a bucket's rows that may lie in other files than settled ones."""

Watch = Callable[[str], None]
"""Called with the name of each step; tests stop the world in it."""


def _no_step(step: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """When to rewrite, and how much at once.

    Attributes:
        small: files below this many bytes count as small and may be rewritten; larger ones are left as they are.
        many: a partition with at least so many small files is rewritten.
        at_once: partitions rewritten in one call per table, the worst first.
        keep_hours: files out of use for less than this stay for readers that still hold them.
        settled: of customer_days only files below this are small: larger ones are sorted by customer beside the frame
            (`backend.lake.by_customer`), which counts only as long as they are left as they are.
        whole: bytes of the files that a bucket's are merged into when it is sorted anew.
    """

    small: int = 16 * 1024 * 1024
    many: int = 12
    at_once: int = 16
    keep_hours: int = 1
    settled: int = 4 * 1024 * 1024
    whole: int = 256 * 1024 * 1024

    def limit(self, table: Table) -> int:
        """Bytes below which a file of a table is small."""
        return min(self.small, self.settled) if table is Table.CUSTOMER_DAYS else self.small


def compact(lake: Lake, rules: Compaction = Compaction(), *, watch: Watch = _no_step) -> int:
    """Rewrite the partitions that need it; gives how many files went out of use."""
    done = 0
    for table in Table:
        watch("compacting")
        done += _compact_table(lake, table, rules)
    watch("compacted")
    return done


def settle(lake: Lake, bucket: int, rules: Compaction = Compaction()) -> int:
    """Have nearly all rows of a bucket of customer_days in few settled files; gives how many files went out of use."""
    parts = lake.parts(Table.CUSTOMER_DAYS).filter(pl.col("value") == bucket)
    small = int(parts.filter(pl.col("bytes") < rules.settled).get_column("rows").sum())
    few = parts.filter(pl.col("bytes") < rules.whole).height < rules.many
    if few and small <= UNSETTLED * int(parts.get_column("rows").sum()):
        return 0
    return _rewrite(lake.open(Table.CUSTOMER_DAYS), Table.CUSTOMER_DAYS, [bucket], rules.whole)


def remove_unused(lake: Lake, rules: Compaction = Compaction(), *, watch: Watch = _no_step) -> int:
    """Delete files that have been out of use, or were never in it, for ``keep_hours``; gives how many."""
    done = 0
    for table in Table:
        watch("removing")
        gone = lake.open(table).vacuum(
            retention_hours=rules.keep_hours, dry_run=False, enforce_retention_duration=False, full=True
        )
        done += len(gone) + _remove_unfinished(lake, table, rules)
    watch("removed")
    return done


def _remove_unfinished(lake: Lake, table: Table, rules: Compaction) -> int:
    """In a local folder: what a writer that died had begun to write."""
    address = lake.address(table)
    if "://" in address:
        return 0
    until = time.time() - rules.keep_hours * _HOUR
    halves = [path for path in Path(address).rglob(_UNFINISHED) if path.stat().st_mtime <= until]
    for path in halves:
        path.unlink(missing_ok=True)
    return len(halves)


def crowded(parts: pl.DataFrame, small: int, rules: Compaction) -> list[object]:
    """Values of the partitions with too many small files, the worst first."""
    return (
        parts.filter(pl.col("bytes") < small)
        .group_by("value")
        .len()
        .filter(pl.col("len") >= rules.many)
        .sort("len", "value", descending=True)
        .head(rules.at_once)
        .get_column("value")
        .to_list()
    )


def _compact_table(lake: Lake, table: Table, rules: Compaction) -> int:
    small = rules.limit(table)
    values = crowded(lake.parts(table), small, rules)
    return _rewrite(lake.open(table), table, values, small) if values else 0


def _rewrite(handle: DeltaTable, table: Table, values: list[object], size: int) -> int:
    """Make files of about ``size`` bytes out of smaller ones of some partitions."""
    done = handle.optimize.compact(
        partition_filters=[(LAYOUTS[table].partition, "in", values)],
        target_size=size,
        max_concurrent_tasks=1,
        writer_properties=writer_of(table),
    )
    return int(done["numFilesRemoved"])
