"""The intake log: the one door through which events are written, and what tells how far it may be read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from backend.store import customer_tokens, queries
from backend.store.log_copy import COLUMNS, LogRows
from backend.store.pool import Connection
from segments.envelope import Event, FailedEvent
from segments.tokens import UNVERIFIED

_SQL = queries.load("events")

LIST_PARTITIONS = _SQL["list_partitions"]
"""Names of the tables that hold the log."""

_COUNTED = ("stored", "repeated", "failed", "violated")


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the events that were handed in: stored, seen before, or kept as failed."""

    stored: int
    repeated: int
    failed: int


async def append(
    connection: Connection,
    rows: Sequence[Event],
    failed: Sequence[FailedEvent] = (),
    *,
    received_at: datetime,
    came: Mapping[UUID, datetime] | None = None,
) -> Appended:
    """Write events to the log, each id once, and failed events beside it. To be called inside a transaction.

    The fence is held, shared, until that transaction ends: see `committed_upto`. Durable when it has committed.

    Args:
        connection: inside a transaction; keep it short, readers of the log wait for its end.
        rows: events in any order; a repeated id is counted and otherwise ignored.
        failed: events that cannot be stored; a repeated one is counted as repeated too.
        received_at: when they came, an aware time; its UTC day chooses the partition.
        came: when single rows came, where that was earlier. They still lie in the partition, and in the dedupe window,
            of ``received_at``: the day they came on may be dropped at any moment.
    """
    day = received_at.date()
    given = {row.event_id.int: row for row in rows}
    known = await _claim(connection, given, day)
    new = {number: row for number, row in given.items() if number not in known} if known else given
    if new:
        content = LogRows(day, received_at, came).pack(new.values())
        await connection.copy_to_table("event_log", columns=COLUMNS, source=content, format="binary")
    kept = await _keep_failed(connection, failed, received_at)
    await _count(connection, rows, failed, new=set(new), kept={each.int for each in kept}, received_at=received_at)
    return Appended(stored=len(new), repeated=len(rows) - len(new) + len(failed) - len(kept), failed=len(kept))


async def enter_writer(connection: Connection) -> None:
    """Hold the fence, shared, and ask for durability, until the transaction ends; every writer of the log begins with it."""
    await connection.fetchrow(_SQL["enter_writer"])


async def _claim(connection: Connection, given: dict[int, Event], day: date) -> set[int]:
    """Enter the fence and claim the ids; gives those that were known, as numbers."""
    if not given:
        await enter_writer(connection)
        return set()
    ids, sources = [row.event_id for row in given.values()], [row.source_id for row in given.values()]
    record = await connection.fetchrow(_SQL["claim_ids"], ids, sources, day)
    assert record is not None  # noqa: S101 - a SELECT without FROM has one row
    return {each.int for each in record["known"]}


async def _keep_failed(connection: Connection, failed: Sequence[FailedEvent], received_at: datetime) -> set[UUID]:
    if not failed:
        return set()
    kept = await connection.fetch(
        _SQL["keep_failed"],
        [event.event_id for event in failed],
        [event.source_id for event in failed],
        [event.code for event in failed],
        [event.reason for event in failed],
        [event.raw for event in failed],
        [event.name for event in failed],
        [event.violations and "\n".join(event.violations) for event in failed],
        [event.envelope for event in failed],
        [event.becomes for event in failed],
        received_at,
    )
    return {record[0] for record in kept}


async def _count(
    connection: Connection,
    rows: Sequence[Event],
    failed: Sequence[FailedEvent],
    *,
    new: set[int],
    kept: set[int],
    received_at: datetime,
) -> None:
    """Add this transaction's counts; ``new`` and ``kept`` are used up: an id is new only the first time it is met."""
    counts: Counter[tuple[int, str, str]] = Counter()
    verdicts: Counter[tuple[int, str]] = Counter()
    for row in rows:
        outcome = _once(new, row.event_id, "stored")
        counts[row.source_id, row.name, outcome] += 1
        if row.token_verdict and outcome == "stored":
            verdicts[row.source_id, row.token_verdict] += 1
        if row.violations and outcome == "stored":
            counts[row.source_id, row.name, "violated"] += 1
    for event in failed:
        outcome = _once(kept, event.event_id, "failed")
        counts[event.source_id, event.name, outcome] += 1
        if event.code.startswith(UNVERIFIED) and outcome == "failed":
            verdicts[event.source_id, event.code.removeprefix(UNVERIFIED)] += 1
    names = sorted({(source, name) for source, name, _ in counts})
    await connection.execute(
        _SQL["add_counts"],
        [source for source, _ in names],
        [name for _, name in names],
        *([counts[source, name, column] for source, name in names] for column in _COUNTED),
        received_at.date(),
        received_at,
    )
    await customer_tokens.add_counts(connection, counts=verdicts, day=received_at.date())


def _once(ids: set[int], event_id: UUID, outcome: str) -> str:
    if event_id.int in ids:
        ids.discard(event_id.int)
        return outcome
    return "repeated"


async def committed_upto(connection: Connection, *, patience: timedelta = timedelta(milliseconds=200)) -> int:
    """The seq up to which every event is committed or will never be. 0 for an empty log.

    To be called inside a short transaction of its own: it waits for the writers that are at work, and new ones wait
    for it. Sequence numbers are given out before the commit, so without this a lower number could appear later.

    Raises:
        asyncpg.LockNotAvailableError: writers were at work for longer than ``patience``; try again.
    """
    milliseconds = f"{int(patience.total_seconds() * 1000)}ms"
    await connection.fetchrow(_SQL["set_patience"], milliseconds)
    await connection.execute(_SQL["close_fence"])
    newest: int = await connection.fetchval(_SQL["newest_seq"])
    return newest


async def ensure_partitions(connection: Connection, *, first: date, days: int = 8) -> list[date]:
    """Make the partitions of the log for ``days`` days from ``first``; gives those that were made.

    A day whose events already lie in the default partition stays there.
    """
    present = {record[0] for record in await connection.fetch(_SQL["list_partitions"])}
    wanted = [first + timedelta(days=n) for n in range(days)]
    missing = [day for day in wanted if partition_name(day) not in present]
    return [day for day in missing if await _make_partition(connection, day)]


def partition_name(day: date) -> str:
    """The table that holds one received day."""
    return f"event_log_{day:%Y%m%d}"


async def _make_partition(connection: Connection, day: date) -> bool:
    """Made apart and attached, which locks the log for less long than creating it in place.

    One process at a time: of two that create a table of one name at once, PostgreSQL lets the second fail on a catalogue's
    index and not with the error of a table that is there.
    """
    name = partition_name(day)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            await connection.execute(_SQL["lock_partitions"])
            await connection.execute(f"CREATE TABLE {name} (LIKE event_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
            await connection.execute(
                f"ALTER TABLE event_log ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            )
    except (asyncpg.DuplicateTableError, asyncpg.CheckViolationError, asyncpg.LockNotAvailableError):
        return False
    return True


async def fold_counts(connection: Connection) -> None:
    """Fold the counts to one row per day, source and name, and those of customer tokens."""
    await connection.execute(_SQL["fold_counts"])
    await customer_tokens.fold_counts(connection)


async def count_failed_by_code(connection: Connection) -> list[asyncpg.Record]:
    """How many failed events wait, per code."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["count_failed_by_code"])
    return records


async def read_durability(connection: Connection) -> dict[str, str]:
    """The server's settings on which the promise of a 200 rests."""
    record = await connection.fetchrow(_SQL["read_durability"])
    assert record is not None  # noqa: S101 - a SELECT without FROM has one row
    return dict(record)
