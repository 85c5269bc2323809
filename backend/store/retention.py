"""What leaves the intake's tables again: days of the log that are in the lake, old ids, failed events."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg

from backend.store import events, queries
from backend.store.pool import Connection

_SQL = queries.load("retention")

PIECE = 5000
"""Rows of the default partition that go in one transaction."""
FAILED_PIECE = 200
"""Failed events that go in one transaction; each may hold a whole batch."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Where the log begins: everything up to ``upto_seq`` was dropped, the last of it received on ``day``."""

    upto_seq: int
    day: date | None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many failed events went: recovered ones, and others that had waited too long."""

    recovered: int
    waiting: int


async def read_horizon(connection: Connection) -> Horizon:
    """Where the log begins; 0 and None where nothing was ever dropped."""
    record = await connection.fetchrow(_SQL["dropped_upto"])
    assert record is not None  # noqa: S101 - an aggregate without groups has one row
    return Horizon(upto_seq=record["upto_seq"], day=record["day"])


async def old_partitions(connection: Connection, *, before: date) -> list[date]:
    """Days before ``before`` that have a partition of their own, the oldest first."""
    names = [record[0] for record in await connection.fetch(events.LIST_PARTITIONS)]
    stamps = [name.removeprefix("event_log_") for name in names]
    days = [datetime.strptime(stamp, "%Y%m%d").replace(tzinfo=UTC).date() for stamp in stamps if stamp.isdecimal()]
    return sorted(day for day in days if day < before)


async def drop_day(connection: Connection, *, day: date, now: datetime) -> bool:
    """Drop the partition of a day if everything in it is in the lake; says whether it did. Inside a transaction.

    What takes time is done before the log is locked; nobody waits behind us for much longer than half a second.

    Raises:
        asyncpg.LockNotAvailableError: the log is in use; try again.
    """
    name = events.partition_name(day)
    newest = f"SELECT coalesce(max(seq), 0) FROM {name}"  # noqa: S608 - made of a date
    lake_upto: int = await connection.fetchval(_SQL["lake_upto"])
    if await connection.fetchval(newest) > lake_upto:
        return False
    number: int = await connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608 - made of a date
    await connection.execute("SET LOCAL lock_timeout = '500ms'")
    await connection.execute(f"LOCK TABLE ONLY event_log, {name}, event_log_rest IN ACCESS EXCLUSIVE MODE")
    upto: int = await connection.fetchval(newest)
    if upto > lake_upto:
        return False
    await connection.execute(f"DROP TABLE {name}")
    await connection.execute(_SQL["note_dropped"], day, upto, number, now)
    return True


async def clear_rest(connection: Connection, *, before: date, now: datetime) -> int:
    """Delete a piece of what lies in the default partition, old and in the lake; gives how much. Inside a transaction."""
    upto = await connection.fetchval(_SQL["lake_upto"])
    gone = await connection.fetch(_SQL["clear_rest"], before, upto, PIECE)
    for record in gone:
        await connection.execute(
            _SQL["note_dropped"], record["received_day"], record["upto_seq"], record["events"], now
        )
    return sum(record["events"] for record in gone)


async def note_history_dropped(connection: Connection, *, before: date, months: int, now: datetime) -> None:
    """Write into the audit log, once, that raw history of business days before ``before`` goes. Inside a transaction."""
    await connection.execute(_SQL["note_history_dropped"], now, {"before": before.isoformat(), "months": months})


async def sweep_ids(connection: Connection, *, before: date, pages: int) -> int | None:
    """Forget ids that came before a day, in the next ``pages`` pages of their table. Inside a transaction.

    Returns:
        How many ids went; None where the sweep for this day is done, or another sweeps.
    """
    state = await connection.fetchrow(_SQL["take_sweep"])
    if state is None or (state["next_page"] is None and state["cutoff"] >= before):
        return None
    cutoff = before if state["next_page"] is None else state["cutoff"]
    first = state["next_page"] or 0
    end: int = await connection.fetchval(_SQL["count_id_pages"])
    gone: int = await connection.fetchval(_SQL["forget_ids"], (first, 0), (first + pages, 0), cutoff)
    await connection.execute(_SQL["note_sweep"], cutoff, first + pages if first + pages < end else None)
    return gone


async def forget_failed(connection: Connection, *, recovered_before: datetime, received_before: datetime) -> Forgotten:
    """Remove a piece of the failed events that were recovered, or came and still wait, before a moment."""
    record = await connection.fetchrow(_SQL["forget_failed"], recovered_before, received_before, FAILED_PIECE)
    assert record is not None  # noqa: S101 - an aggregate without groups has one row
    return Forgotten(**dict(record))


Refused = asyncpg.LockNotAvailableError
"""The log was in use: nothing was dropped, try again."""


def days_before(now: datetime, kept: timedelta) -> date:
    """The first UTC day that is still kept."""
    return (now - kept).date()
