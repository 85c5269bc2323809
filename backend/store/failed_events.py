"""Failed events: what waits, what was recovered, and the replays that try again."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("failed_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which failed events; None stands for any."""

    source_id: int | None = None
    code: str | None = None
    name: str | None = None
    failed_id: int | None = None


async def list_failed(
    connection: Connection, wanted: Wanted, *, recovered: bool, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """A page without the bytes, newest first; ``before`` is the last ``failed_id`` of the page before."""
    records: list[asyncpg.Record] = await connection.fetch(
        _SQL["list_failed"], wanted.source_id, wanted.code, wanted.name, before, limit, recovered
    )
    return records


async def get_failed(connection: Connection, *, failed_id: int) -> asyncpg.Record | None:
    """One failed event with its bytes."""
    return await connection.fetchrow(_SQL["get_failed"], failed_id)


async def group_failed(connection: Connection) -> list[asyncpg.Record]:
    """How many wait, per code, source and name; most frequent first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["group_failed"])
    return records


async def count_recovered(connection: Connection) -> int:
    """How many recovered ones are still kept."""
    number: int = await connection.fetchval(_SQL["count_recovered"])
    return number


async def measure(connection: Connection, wanted: Wanted) -> tuple[int, int]:
    """The newest failed event of these that waits now, and how many do."""
    extent = await connection.fetchrow(_SQL["measure_replay"], *_which(wanted))
    assert extent is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return extent["upto"], extent["total"]


async def open_replay(connection: Connection, wanted: Wanted, *, now: datetime, actor: str) -> int:
    """Write down a replay of what waits now; gives its number."""
    extent = await measure(connection, wanted)
    replay_id: int = await connection.fetchval(_SQL["open_replay"], *_which(wanted), *extent, now, actor)
    return replay_id


def _which(wanted: Wanted) -> tuple[int | None, str | None, str | None, int | None]:
    return wanted.source_id, wanted.code, wanted.name, wanted.failed_id


async def get_replay(connection: Connection, *, replay_id: int) -> asyncpg.Record | None:
    """One replay."""
    return await connection.fetchrow(_SQL["get_replay"], replay_id)


async def list_replays(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The latest replays, newest first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_replays"], limit)
    return records


async def lock_replay(connection: Connection, *, replay_id: int | None = None) -> asyncpg.Record | None:
    """A replay that is not finished, held until the transaction ends; None where there is none that nobody else holds."""
    return await connection.fetchrow(_SQL["lock_replay"], replay_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """The next failed events of a replay with their bytes; ``more`` says that others may follow."""

    rows: list[asyncpg.Record]
    more: bool


async def take_failed(
    connection: Connection, wanted: Wanted, *, after: int, upto: int, limit: int, room: int, hold: bool
) -> Taken:
    """The next failed events of a replay by their numbers.

    Args:
        connection: inside a transaction where they are held.
        wanted: which ones.
        after: number of the last one that was taken.
        upto: number of the last one of all.
        limit: how many.
        room: bytes of all of them; the first one comes however large it is.
        hold: keep others off until the transaction ends: of two replays that meet, the second one waits and then finds
            them recovered. In the order of their numbers, so that they never wait for each other in a circle.
    """
    statement = _SQL["next_failed"] + ("\nFOR UPDATE OF f" if hold else "")
    found = await connection.fetch(statement, after, upto, *_which(wanted), limit)
    sizes = itertools.accumulate(record["size"] for record in found)
    fitting = [record["failed_id"] for record, size in zip(found, sizes, strict=True) if size <= room]
    fitting = fitting or [record["failed_id"] for record in found[:1]]
    rows = await connection.fetch(_SQL["read_failed"], fitting) if fitting else []
    return Taken(rows, more=len(found) == limit or len(fitting) < len(found))


async def shorten_failed(connection: Connection, *, failed_id: int, raw: bytes) -> None:
    """Keep less of a failed event's bytes: of a list of events, those that were not read yet, or that name nobody who was erased."""
    await connection.execute(_SQL["shorten_failed"], failed_id, raw)


async def known_ids(connection: Connection, event_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these ids are in the dedupe window."""
    return {record[0] for record in await connection.fetch(_SQL["known_ids"], event_ids)}


async def mark_recovered(
    connection: Connection, outcomes: Sequence[tuple[int, str]], *, now: datetime, actor: str
) -> None:
    """Write down what became of failed events, each as (failed_id, stored or repeated)."""
    ids, words = [number for number, _ in outcomes], [word for _, word in outcomes]
    await connection.execute(_SQL["mark_recovered"], ids, words, now, actor)


async def mark_failed(
    connection: Connection, tried: Sequence[tuple[int, str, str, tuple[str, ...] | None]], *, now: datetime
) -> None:
    """Write down why failed events failed again, each as (failed_id, code, reason, violations)."""
    await connection.execute(
        _SQL["mark_failed"],
        [number for number, *_ in tried],
        [code for _, code, _, _ in tried],
        [reason for *_, reason, _ in tried],
        [violations and "\n".join(violations) for *_, violations in tried],
        now,
    )


async def take_back_counts(
    connection: Connection, recovered: Sequence[tuple[datetime, int, str]], *, as_repeated: bool = False
) -> None:
    """Count failed events, each as (received_at, source_id, name), no longer as failed, or as repeated instead."""
    await connection.execute(
        _SQL["take_back_counts"],
        [at.date() for at, _, _ in recovered],
        [source for _, source, _ in recovered],
        [name for *_, name in recovered],
        [at for at, _, _ in recovered],
        as_repeated,
    )


async def advance_replay(
    connection: Connection,
    *,
    replay_id: int,
    reached: int,
    recovered: int,
    repeated: int,
    failed: int,
    finished_at: datetime | None,
) -> None:
    """Add what one step of a replay did."""
    await connection.execute(_SQL["advance_replay"], replay_id, reached, recovered, repeated, failed, finished_at)


async def settle_failed(connection: Connection, *, now: datetime) -> int:
    """Mark failed events that the app has since sent again with success; gives how many."""
    settled = await connection.fetch(_SQL["settle_failed"], now)
    if settled:
        await take_back_counts(connection, [tuple(record) for record in settled], as_repeated=True)
    return len(settled)
