"""Who is under way in which campaign, and the way each has come."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("journeys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """Somebody who enters: because of what, when that was, and when to look first."""

    customer_id: int
    occurrence: int
    entered_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an entry stands from now on; see the columns of ``journey_entries``."""

    entry_id: int
    step: int
    lap: int
    due_at: datetime
    waits: bool = False
    since: datetime | None = None
    until_at: datetime | None = None
    waiting_for: str | None = None
    state: str = "waiting"
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A step that an entry passed, the way out it took, and what came of it."""

    entry_id: int
    lap: int
    step: int
    version: int
    way: str
    outcome: str


async def last_entries(
    connection: Connection, *, campaign_id: int, customer_ids: Collection[int]
) -> dict[int, tuple[datetime, bool]]:
    """When each of these people entered a campaign last, and whether they are inside; absent: never."""
    rows = await connection.fetch(_SQL["last_entries"], campaign_id, list(customer_ids))
    return {row["customer_id"]: (row["entered_at"], row["inside"]) for row in rows}


async def enter(
    connection: Connection, *, campaign_id: int, version: int, people: Sequence[Entering], now: datetime
) -> int:
    """Let people in, each cause once and nobody who is inside; gives how many entered."""
    rows = await connection.fetch(
        _SQL["enter"],
        campaign_id,
        version,
        now,
        [one.customer_id for one in people],
        [one.occurrence for one in people],
        [one.due_at for one in people],
        [one.entered_at for one in people],
    )
    return len(rows)


async def enter_all(
    connection: Connection,
    *,
    campaign_id: int,
    version: int,
    occurrence: int,
    customer_ids: Sequence[int],
    not_since: datetime | None,
    now: datetime,
) -> int:
    """Let an audience in, but for those who entered after a moment (None: who ever did) or are inside; gives how many entered."""
    done = await connection.execute(
        _SQL["enter_all"], campaign_id, version, occurrence, now, list(customer_ids), not_since
    )
    return int(done.split()[-1])


async def list_inside(connection: Connection, *, customer_ids: Collection[int]) -> list[dict[str, Any]]:
    """Entries under way of people, by whatever number they had, held; ``customer_id`` is the number of today."""
    known = await connection.fetch(_SQL["numbers_of"], list(customer_ids))
    today = {row["customer_id"]: row["survivor"] for row in known}
    rows = await connection.fetch(_SQL["list_inside"], list(today))
    return [dict(row) | {"customer_id": today[row["customer_id"]]} for row in rows]


async def note_happened(connection: Connection, *, events: Sequence[tuple[int, datetime]], now: datetime) -> None:
    """What entries waited for came at a moment: they are looked at now."""
    await connection.execute(_SQL["note_happened"], [one for one, _ in events], [at for _, at in events], now)


async def leave(connection: Connection, *, entry_ids: Sequence[int], reason: str, now: datetime) -> None:
    """Entries end."""
    await connection.execute(_SQL["leave"], list(entry_ids), reason, now)


async def list_running(connection: Connection, *, now: datetime) -> list[int]:
    """Campaigns that are sending and have somebody to look at."""
    return [row["campaign_id"] for row in await connection.fetch(_SQL["list_running"], now)]


async def claim(
    connection: Connection, *, campaign_id: int, now: datetime, limit: int, only: Sequence[int] | None = None
) -> list[asyncpg.Record]:
    """Some entries that are due, held until the transaction ends, with the number and the clock of each person."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["claim"], campaign_id, now, limit, only)
    return rows


async def inside_besides(
    connection: Connection, *, campaign_id: int, entries: Sequence[tuple[int, int]]
) -> frozenset[int]:
    """Of entries (with the person's number of today) those whose person is inside by an older one too."""
    ids, people = [one for one, _ in entries], [who for _, who in entries]
    rows = await connection.fetch(_SQL["inside_besides"], campaign_id, ids, people)
    return frozenset(row["entry_id"] for row in rows)


async def stand(connection: Connection, standings: Sequence[Standing], *, now: datetime) -> None:
    """Write where entries stand from now on."""
    names = ("entry_id", "step", "lap", "waits", "since", "due_at", "until_at", "waiting_for", "state", "reason")
    columns = ([getattr(one, name) for one in standings] for name in names)
    await connection.execute(_SQL["stand"], now, *columns)


async def add_visits(connection: Connection, passed: Sequence[Passed], *, campaign_id: int, now: datetime) -> None:
    """Keep which steps were passed.

    Raises:
        asyncpg.UniqueViolationError: one was passed before: nothing is done twice.
    """
    names = ("entry_id", "lap", "step", "version", "way", "outcome")
    columns = ([getattr(one, name) for one in passed] for name in names)
    await connection.execute(_SQL["add_visits"], campaign_id, now, *columns)


async def postpone(connection: Connection, *, entry_ids: Sequence[int], until: datetime, now: datetime) -> None:
    """Look at entries later."""
    await connection.execute(_SQL["postpone"], list(entry_ids), until, now)


async def count_attempts(connection: Connection, *, entry_id: int) -> int:
    """How often an entry's step has failed in a row."""
    return int(await connection.fetchval(_SQL["count_attempts"], entry_id) or 0)


async def note_failure(
    connection: Connection, *, entry_id: int, reason: str, again_at: datetime, most: int, now: datetime
) -> str:
    """A step failed once more; gives the state: ``waiting`` for another try, ``aside`` after ``most``."""
    row = await connection.fetchrow(_SQL["note_failure"], entry_id, reason, again_at, most, now)
    return "left" if row is None else str(row["state"])


async def take_back(connection: Connection, *, campaign_id: int, entry_id: int | None, now: datetime) -> int:
    """Have those who were put aside go on; gives how many."""
    return int((await connection.execute(_SQL["take_back"], campaign_id, now, entry_id)).split()[-1])


async def close_ended(connection: Connection, *, limit: int, now: datetime) -> int:
    """End some entries of campaigns that ended; gives how many."""
    return int((await connection.execute(_SQL["close_ended"], limit, now)).split()[-1])


async def is_empty(connection: Connection, *, campaign_id: int) -> bool:
    """Whether nobody is under way in a campaign and nothing of it waits to be sent."""
    return bool(await connection.fetchval(_SQL["is_empty"], campaign_id))


async def count_standing(connection: Connection, *, campaign_id: int) -> list[asyncpg.Record]:
    """People by version, step, state, and the reason why they left."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["count_standing"], campaign_id)
    return rows


async def count_visits(connection: Connection, *, campaign_id: int) -> list[asyncpg.Record]:
    """How often steps were passed by version, step, way and outcome."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["count_visits"], campaign_id)
    return rows


async def list_entries(
    connection: Connection,
    *,
    campaign_id: int,
    before: int | None,
    state: str | None,
    step: int | None,
    user_id: str | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Entries, the newest first."""
    rows: list[asyncpg.Record] = await connection.fetch(
        _SQL["list_entries"], campaign_id, before, state, step, user_id, limit
    )
    return rows


async def get_entry(connection: Connection, *, campaign_id: int, entry_id: int) -> asyncpg.Record | None:
    """One of them."""
    return await connection.fetchrow(_SQL["get_entry"], campaign_id, entry_id)


async def list_visits(connection: Connection, *, entry_id: int) -> list[asyncpg.Record]:
    """The way an entry has come: lap, step, way, outcome, at."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_visits"], entry_id)
    return rows


async def forget_ways(connection: Connection, *, before: datetime, limit: int) -> int:
    """Count and let go of the steps that people passed who left before a moment, of so many; gives of how many."""
    gone: int = await connection.fetchval(_SQL["forget_ways"], before, limit)
    return gone
