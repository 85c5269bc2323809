"""A history many times over: the same people again under other numbers, for sizes that would take hours to simulate.

    python benchmarks/scale.py --events 45 --times 8 --only frame touched figures        # 10 million customers

Every customer of a history that `benchmarks/big_history.py` wrote is there so many times, with all that was done, so that rows a
customer and their spread stay those of the history. A copy's numbers lie above those before it, in the same bucket.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.reduce.days import BUCKETS


def multiply_history(source: Lake, to: Path, *, times: int, members: int, tables: tuple[Table, ...]) -> None:
    """Write the tables of a lake ``times`` over into a folder, or what is missing of them.

    Args:
        source: a complete history of customers 1 to ``members``.
        to: the folder of the new lake.
        times: how many of each customer there will be.
        members: a multiple of the number of buckets.
        tables: which tables; `Table.CUSTOMER_DAYS` alone is what the customer frame is made of.

    Raises:
        ValueError: customers would change their buckets.
    """
    if members % BUCKETS:
        raise ValueError(f"{members} customers cannot be multiplied: {BUCKETS} buckets would not keep theirs.")
    lake = Lake(to)
    for table in tables:
        for version, part in enumerate(_parts(source, table), start=1):
            if lake.version(table, "copies") >= version:
                continue
            moved = [part.with_columns(pl.col("customer_id") + copy * members) for copy in range(times)]
            lake.append(table, pl.concat(moved), app_id="copies", version=version)
            print(f"{table}: part {version} ", end="\r", flush=True)


def _parts(source: Lake, table: Table) -> Iterator[pl.DataFrame]:
    """The table in pieces that fit in memory with their copies: a bucket, or a day."""
    if table is Table.CUSTOMER_DAYS:
        for bucket in range(BUCKETS):
            yield source.customer_days({bucket}).collect()
        return
    rows = source.rows(table)
    for day in rows.select(pl.col("business_day").unique().sort()).collect().get_column("business_day"):
        yield rows.filter(pl.col("business_day") == day).collect()
