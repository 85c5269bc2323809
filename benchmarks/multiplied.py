"""A history many times over: the same people again under other numbers, for sizes that would take hours to simulate.

    python benchmarks/scale.py --events 45 --times 8 --only frame touched figures        # 10 million customers
    python benchmarks/visible.py --home FOLDER --times 8

Every customer of a history that `benchmarks/big_history.py` wrote is there so many times, with all that was done, so that rows a
customer and their spread stay those of the history. A copy's numbers lie above those before it, in the same bucket.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from backend.lake.frame import CustomerFrame
from backend.lake.frame_parts import bucket_of
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
    _check(members)
    lake = Lake(to)
    for table in tables:
        for version, part in enumerate(_parts(source, table), start=1):
            if lake.version(table, "copies") >= version:
                continue
            moved = [part.with_columns(pl.col("customer_id") + copy * members) for copy in range(times)]
            lake.append(table, pl.concat(moved), app_id="copies", version=version)
            print(f"{table}: part {version} ", end="\r", flush=True)


def multiply_frame(source: CustomerFrame, to: CustomerFrame, *, times: int, members: int) -> None:
    """Write the rows of a frame ``times`` over into another, or what is missing of them: what the multiplied history gives, reduced.

    A bucket at a time, which is what is held in memory ``times`` over; the other arguments and errors are `multiply_history`'s.
    """
    _check(members)
    manifest, rows = source.manifest(), source.read().frame
    for bucket in range(len(to.manifest().bases), BUCKETS):
        part = rows.filter(bucket_of() == bucket).collect()
        moved = [part.with_columns(pl.col("customer_id") + copy * members) for copy in range(times)]
        to.write(pl.concat(moved), day=manifest.day, at=manifest.at, seq=manifest.seq, epoch=manifest.epoch)
        to.purge(epoch=manifest.epoch)
        print(f"frame: part {bucket + 1} ", end="\r", flush=True)


def _check(members: int) -> None:
    if members % BUCKETS:
        raise ValueError(f"{members} customers cannot be multiplied: {BUCKETS} buckets would not keep theirs.")


def _parts(source: Lake, table: Table) -> Iterator[pl.DataFrame]:
    """The table in pieces that fit in memory with their copies: a bucket, or a day."""
    if table is Table.CUSTOMER_DAYS:
        for bucket in range(BUCKETS):
            yield source.customer_days({bucket}).collect()
        return
    rows = source.rows(table)
    for day in rows.select(pl.col("business_day").unique().sort()).collect().get_column("business_day"):
        yield rows.filter(pl.col("business_day") == day).collect()
