"""Keeping the number of files low: small files of a partition become one, files out of use are removed.

Every refresh leaves a small file in each partition it touched; readers open all of them. Only partitions with
many small files are rewritten, a few at a time, so that the refresh loop never waits long.
"""

from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable

from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import WRITER, Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """When to rewrite, and how much at once.

    Attributes:
        small: files below this many bytes count as small and may be rewritten; larger ones are left as they are.
        many: a partition with at least so many small files is rewritten.
        at_once: partitions rewritten in one call per table, the worst first.
        keep_hours: files out of use for less than this stay for readers that still hold them.
    """

    small: int = 16 * 1024 * 1024
    many: int = 12
    at_once: int = 16
    keep_hours: int = 1


def compact(lake: Lake, rules: Compaction = Compaction()) -> int:
    """Rewrite the partitions that need it; gives how many files went out of use."""
    return sum(_compact_table(lake.open(table), table, rules) for table in Table)


def remove_unused(lake: Lake, rules: Compaction = Compaction()) -> int:
    """Delete files that have been out of use for ``keep_hours``; gives how many."""
    return sum(
        len(lake.open(table).vacuum(retention_hours=rules.keep_hours, dry_run=False, enforce_retention_duration=False))
        for table in Table
    )


def crowded(handle: DeltaTable, partition: str, rules: Compaction) -> list[object]:
    """Values of the partitions with too many small files, the worst first."""
    files = pl.DataFrame(handle.get_add_actions(flatten=True))
    if files.is_empty():
        return []
    return (
        files.filter(pl.col("size_bytes") < rules.small)
        .group_by(pl.col(f"partition.{partition}").alias("value"))
        .len()
        .filter(pl.col("len") >= rules.many)
        .sort("len", "value", descending=True)
        .head(rules.at_once)
        .get_column("value")
        .to_list()
    )


def _compact_table(handle: DeltaTable, table: Table, rules: Compaction) -> int:
    partition = LAYOUTS[table].partition
    values = crowded(handle, partition, rules)
    if not values:
        return 0
    done = handle.optimize.compact(
        partition_filters=[(partition, "in", values)],
        target_size=rules.small,
        max_concurrent_tasks=1,
        writer_properties=WRITER,
    )
    return int(done["numFilesRemoved"])
