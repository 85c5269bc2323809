"""Taking persons out of history for good: their rows, the files that held them, and the versions from before.

Delta keeps what a version dropped so that older versions can be read. Here that is what must not be: the files out of
use are removed at once and the log is cut behind a checkpoint. A reader that holds an older version fails and reads again.
What a writer that died left unfinished may hold them too: it goes as soon as it is old enough to be nobody's work.
"""

from collections.abc import Sequence

from deltalake import DeltaTable

from backend.lake.compaction import remove_unused
from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import Lake, writer_of
from segments.reduce.days import BUCKETS


def forget(lake: Lake, customer_ids: Sequence[int]) -> int:
    """Remove every row of these customers; gives how many rows. To be called by the one writer of the lake."""
    remove_unused(lake)
    return sum(_forget(lake.open(table), table, customer_ids) for table in Table)


def _forget(handle: DeltaTable, table: Table, customer_ids: Sequence[int]) -> int:
    deleted = handle.delete(_predicate(table, customer_ids), writer_properties=writer_of(table)).get("num_deleted_rows")
    handle.update_incremental()
    handle.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    handle.create_checkpoint()
    handle.cleanup_metadata()
    return int(deleted or 0)


def _predicate(table: Table, customer_ids: Sequence[int]) -> str:
    """With the partition, where it follows from the customer: only those files are looked at."""
    numbers = ", ".join(str(int(number)) for number in customer_ids)
    own = f"customer_id IN ({numbers})"
    if LAYOUTS[table].partition != "bucket":
        return own
    buckets = ", ".join(str(bucket) for bucket in sorted({number % BUCKETS for number in customer_ids}))
    return f"bucket IN ({buckets}) AND {own}"
