"""Making damaged history whole from what is left: the intake log, the events, and else saying what is lost.

Events and order lines are read again from the intake log, as far as it goes back. customer_days follow from the events, a
bucket at a time. The customer frame follows from customer_days and is simply thrown away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl
from deltalake import Transaction

from backend.lake.damage import Damage, drop_frame, examine_frame, examine_lake, set_table_aside, take_out
from backend.lake.frame import CustomerFrame
from backend.lake.rows import LakeRows
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.reduce.days import BUCKETS, customer_days
from segments.windows import Window

ReadAgain = Callable[[int, int], Awaitable[Sequence[LakeRows]]]
"""The lake's rows of the events between two numbers of the log, both included, as far as the log goes back."""

_SOURCES = (Table.EVENTS, Table.ORDER_LINES)


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


async def mend(lake: Lake, frame: CustomerFrame, *, app_id: str, read_again: ReadAgain) -> Mended:
    """Mend what can be mended. Only the one writer may, between two batches."""
    damages = await asyncio.to_thread(examine_lake, lake, thorough=True)
    broken = await asyncio.to_thread(examine_frame, frame)
    done = Mended(found=[*damages, *broken])
    closed = {damage.table for damage in damages if damage.is_log}
    files = [damage for damage in damages if damage.table not in closed]
    await asyncio.to_thread(take_out, lake, files)
    for damage in files:
        if damage.table in _SOURCES:
            await _restore(lake, damage, read_again, done)
    done.lost += [_beyond(damage) for damage in damages if damage.is_log and damage.table in _SOURCES]
    await asyncio.to_thread(_count_again, lake, files, closed, app_id, done)
    if broken:
        await asyncio.to_thread(drop_frame, frame)
        done.frame = True
    return done


async def _restore(lake: Lake, damage: Damage, read_again: ReadAgain, done: Mended) -> None:
    """Rows of the file's day that the log still tells of and that no other file holds."""
    assert damage.table is not None and damage.numbers is not None  # noqa: S101, PT018 - files of tables with numbers
    table, day = damage.table, damage.partition
    window = Window(day, day)  # type: ignore[arg-type] # these tables are partitioned by day
    held = lake.events(window) if table is Table.EVENTS else lake.order_lines(window)
    present = (await asyncio.to_thread(held.select("seq").collect)).get_column("seq").implode()
    pieces = [getattr(rows, table) for rows in await read_again(*damage.numbers)]
    own = [piece.filter((pl.col("business_day") == day) & ~pl.col("seq").is_in(present)) for piece in pieces]
    back = pl.concat(own) if own else pl.DataFrame()
    if back.height:
        await asyncio.to_thread(lake.add, table, back)
        done.restored[str(table)] = done.restored.get(str(table), 0) + back.height
    if back.height < damage.rows:
        first, last = damage.numbers
        count = damage.rows - back.height
        done.lost.append(
            f"{count:,} rows of {table} of {day} (numbers {first} to {last} of the log) are lost: the log no longer holds them. "
            "customer_days still counts them unless it is named too. Put the file back from a backup to have them again."
        )


def _beyond(damage: Damage) -> str:
    return (
        f"Table {damage.table} cannot be opened without {damage.file}. Put its _delta_log back from a backup, or move the lake "
        "away and run joren refresh --rebuild, which has what the intake log still holds."
    )


def _count_again(lake: Lake, files: list[Damage], closed: set[Table | None], app_id: str, done: Mended) -> None:
    """customer_days from events: the buckets that lost a file, or all."""
    if not closed.isdisjoint(_SOURCES):
        if any(damage.table is Table.CUSTOMER_DAYS for damage in done.found):
            done.lost.append("customer_days cannot be counted again before events and order_lines can be read.")
        return
    whole = Table.CUSTOMER_DAYS in closed
    if whole:
        set_table_aside(lake, Table.CUSTOMER_DAYS)
        lake.mark(Table.CUSTOMER_DAYS, Transaction(app_id, lake.version(Table.EVENTS, app_id)))
    lost = {damage.partition for damage in files if damage.table is Table.CUSTOMER_DAYS}
    for bucket in range(BUCKETS) if whole else sorted(number for number in lost if isinstance(number, int)):
        rows = _bucket(lake, bucket)
        lake.replace_bucket(bucket, rows)
        done.restored[str(Table.CUSTOMER_DAYS)] = done.restored.get(str(Table.CUSTOMER_DAYS), 0) + rows.height


def _bucket(lake: Lake, bucket: int) -> pl.DataFrame:
    own = pl.col("customer_id") % BUCKETS == bucket
    events, lines = lake.events().filter(own), lake.order_lines().filter(own)
    made: pl.LazyFrame = customer_days(nw.from_native(events), nw.from_native(lines)).to_native()
    return made.collect()
