"""Raw history that has grown old leaves the lake by whole business days; what was counted of it in ``customer_days`` stays.

Each table's deletion carries (`RAW_SINCE`, the first day that stays) in its own commit, so that no row is ever gone without the
table saying so. A whole day is a whole partition: no file is rewritten.
"""

from datetime import date

from deltalake import CommitProperties, Transaction

from backend.lake.schemas import Table
from backend.lake.tables import RAW_SINCE, Lake


def old_tables(lake: Lake, before: date) -> list[Table]:
    """The raw tables that hold any business day before ``before``; order lines first, for without its event a line is nothing."""
    return [table for table in (Table.ORDER_LINES, Table.EVENTS) if _has_older(lake, table, before)]


def drop_before(lake: Lake, table: Table, before: date) -> int:
    """Drop the days of a raw table before ``before``; gives how many files went out of use.

    Raises:
        CommitFailedError: another commit came between; try again.
    """
    handle = lake.open(table)
    since = max(handle.transaction_version(RAW_SINCE) or 0, before.toordinal())
    done = handle.delete(
        f"business_day < '{before.isoformat()}'",
        commit_properties=CommitProperties(app_transactions=[Transaction(RAW_SINCE, since)], max_commit_retries=0),
    )
    return int(done.get("num_removed_files") or 0)


def _has_older(lake: Lake, table: Table, before: date) -> bool:
    if not lake.has(table):
        return False
    older = [("business_day", "<", before.isoformat())]
    return bool(lake.open(table).file_uris(file_pruning_predicate=older))
