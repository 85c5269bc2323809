"""Making damaged history whole from what is left: the intake log, the events, and else saying what is lost.

Events and order lines are read again from the intake log, as far as it goes back. customer_days follow from the events, a
bucket at a time; of days whose events were dropped the rows that can be read stay, and what cannot is lost. The pictures of the frame are made again day by day. The frame itself is simply thrown away.

A batch that was left half way is finished first: half of it would be taken for lost, or be counted twice when it goes on.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import narwhals as nw
import polars as pl
from deltalake import Transaction

from backend.lake.damage import Damage, drop_frame, examine_frame, examine_lake, set_table_aside, take_out
from backend.lake.frame import CustomerFrame
from backend.lake.rows import LakeRows
from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import Lake
from segments.reduce.days import BUCKETS, customer_days
from segments.windows import Window

ReadAgain = Callable[[int, int], Awaitable[Sequence[LakeRows]]]
"""The lake's rows of the events between two numbers of the log, both included, as far as the log goes back."""


@dataclass(frozen=True, slots=True)
class Again:
    """How what is lost is made again.

    Attributes:
        read: reads the log.
        picture: puts the picture of the customer frame at the end of a day in its place; gives its rows.
    """

    read: ReadAgain
    picture: Callable[[date], Awaitable[int]]


_SOURCES = (Table.EVENTS, Table.ORDER_LINES)

_DROPPED = (
    "their events were dropped (JOREN_HISTORY_MONTHS), so they cannot be counted again. Figures of those days are too small until "
    "the file is put back from a backup."
)


@dataclass(slots=True)
class Mended:
    """What was done.

    Attributes:
        found: every damaged file.
        restored: rows that are back, by table.
        lost: a sentence for each thing that nothing is left of.
        frame: the frame was thrown away and has to be made.
    """

    found: list[Damage] = field(default_factory=list)
    restored: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    frame: bool = False


async def mend(
    lake: Lake, frame: CustomerFrame, *, app_id: str, finish: Callable[[], Awaitable[None]], again: Again
) -> Mended:
    """Mend what can be mended. Only the one writer may.

    Args:
        lake: looked at whole, every row.
        frame: likewise.
        app_id: under which the lake knows the numbers of batches.
        finish: writes what is missing of a batch that was left half way.
        again: makes again what is lost.
    """
    damages = await asyncio.to_thread(examine_lake, lake, thorough=True)
    broken = await asyncio.to_thread(examine_frame, frame)
    done = Mended(found=[*damages, *broken])
    closed = {damage.table for damage in damages if damage.is_log and damage.table is not None}
    files = [damage for damage in damages if damage.table not in closed]
    remote = "://" in lake.location
    if not closed.isdisjoint(_SOURCES) or (closed and remote):
        done.lost += [_beyond(damage) for damage in damages if damage.is_log and (damage.table in _SOURCES or remote)]
        done.lost += [f"{damage} It waits until then: run joren doctor --mend again." for damage in files]
    elif damages:
        for table in sorted(closed & {Table.CUSTOMER_DAYS, Table.CUSTOMERS}):
            await asyncio.to_thread(set_table_aside, lake, table)
        if Table.CUSTOMERS in closed:
            done.lost.append(
                "The pictures of past days in table customers: it begins anew with the next day that ends."
            )
        await finish()
        for group in _by_day(files):
            await _restore(lake, group, again.read, done)
        await asyncio.to_thread(_count_again, lake, files, app_id, done, everything=Table.CUSTOMER_DAYS in closed)
        await _picture_again(lake, files, again, done)
    if broken:
        await asyncio.to_thread(drop_frame, frame)
        done.frame = True
    return done


def _by_day(files: Sequence[Damage]) -> list[list[Damage]]:
    """Files of events and order lines, those of a table's day together: compacted, they hold numbers of the same batches."""
    own = sorted((one for one in files if one.table in _SOURCES), key=_table_and_day)
    return [list(group) for _, group in itertools.groupby(own, key=_table_and_day)]


def _table_and_day(damage: Damage) -> tuple[str, str]:
    return str(damage.table), str(damage.partition)


async def _restore(lake: Lake, group: list[Damage], read_again: ReadAgain, done: Mended) -> None:
    """Rows of a day's damaged files that the log still tells of and that no other file holds."""
    table, day = group[0].table, group[0].partition
    assert table is not None and isinstance(day, date)  # noqa: S101, PT018 - these tables are partitioned by day
    numbers = [number for damage in group for number in damage.numbers or ()]
    first, last = min(numbers), max(numbers)
    pieces = [getattr(rows, table) for rows in await read_again(first, last)]
    await asyncio.to_thread(take_out, lake, group)
    window = Window(day, day)
    held = lake.events(window) if table is Table.EVENTS else lake.order_lines(window)
    present = (await asyncio.to_thread(held.select("seq").collect)).get_column("seq").implode()
    own = [piece.filter((pl.col("business_day") == day) & ~pl.col("seq").is_in(present)) for piece in pieces]
    back = pl.concat(own) if own else pl.DataFrame()
    if back.height:
        await asyncio.to_thread(lake.add, table, back)
        done.restored[str(table)] = done.restored.get(str(table), 0) + back.height
    if (count := sum(damage.rows for damage in group) - back.height) > 0:
        done.lost.append(
            f"{count:,} rows of {table} of {day} (numbers {first} to {last} of the log) are lost: the log no longer holds them. "
            "customer_days still counts them unless it is named too. Put the file back from a backup to have them again."
        )


def _beyond(damage: Damage) -> str:
    return (
        f"Table {damage.table} cannot be opened without {damage.file}. Put its _delta_log back from a backup, or move the lake "
        "away and run joren refresh --rebuild, which has what the intake log still holds."
    )


def _count_again(lake: Lake, files: Sequence[Damage], app_id: str, done: Mended, *, everything: bool) -> None:
    """customer_days from events: the buckets that lost a file, or all.

    A bucket's damaged files leave when its rows are there: who dies before finds them damaged still.
    """
    since = lake.raw_since()
    if everything:
        lake.mark(Table.CUSTOMER_DAYS, Transaction(app_id, lake.version(Table.EVENTS, app_id)))
        if since is not None:
            done.lost.append(f"Every row of customer_days of days before {since}: {_DROPPED}")
    damaged = [damage for damage in files if damage.table is Table.CUSTOMER_DAYS]
    lost = {damage.partition for damage in damaged}
    for bucket in range(BUCKETS) if everything else sorted(number for number in lost if isinstance(number, int)):
        rows = _bucket(lake, bucket, since, damaged)
        done.lost += _not_counted(bucket, since, damaged)
        lake.replace_bucket(bucket, rows)
        done.restored[str(Table.CUSTOMER_DAYS)] = done.restored.get(str(Table.CUSTOMER_DAYS), 0) + rows.height
    take_out(lake, damaged)


async def _picture_again(lake: Lake, files: Sequence[Damage], again: Again, done: Mended) -> None:
    """Pictures of days that lost a file, whole: half a day would look like fewer customers."""
    damaged = [damage for damage in files if damage.table is Table.CUSTOMERS]
    for day in sorted({damage.partition for damage in damaged if isinstance(damage.partition, date)}):
        rows = await again.picture(day)
        done.restored[str(Table.CUSTOMERS)] = done.restored.get(str(Table.CUSTOMERS), 0) + rows
    await asyncio.to_thread(take_out, lake, damaged)


def _bucket(lake: Lake, bucket: int, since: date | None, damaged: Sequence[Damage]) -> pl.DataFrame:
    """A bucket's rows: counted from the events, and before ``since`` those that stand in files that can be read."""
    own = pl.col("customer_id") % BUCKETS == bucket
    events, lines = lake.events().filter(own), lake.order_lines().filter(own)
    made: pl.LazyFrame = customer_days(nw.from_native(events), nw.from_native(lines)).to_native()
    if since is None:
        return made.collect()
    # Late events of dropped days are counted already: their rows stand.
    sound = lake.files(Table.CUSTOMER_DAYS) - {damage.file for damage in damaged}
    stand = lake.rows_in(Table.CUSTOMER_DAYS, sound).filter(pl.col("bucket") == bucket)
    columns = LAYOUTS[Table.CUSTOMER_DAYS].schema
    day = pl.col("business_day")
    return pl.concat([stand.filter(day < since).select(*columns), made.filter(day >= since).select(*columns)]).collect()


def _not_counted(bucket: int, since: date | None, damaged: Sequence[Damage]) -> list[str]:
    """What nothing is left of in a bucket's damaged files."""
    if since is None:
        return []
    held = [damage for damage in damaged if damage.partition == bucket]
    rows = sum(damage.rows for damage in held if damage.earliest is None or damage.earliest < since)
    if not rows:
        return []
    return [f"Those of {rows:,} rows of customer_days (bucket {bucket}) that were of days before {since}: {_DROPPED}"]
