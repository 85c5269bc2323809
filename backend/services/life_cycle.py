"""The life-cycle thresholds of the shop: drawn from its own history once a month, or set by a person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput
from backend.store import access, shop
from backend.store import life_cycle as store
from backend.store.pool import Connection
from segments.metrics.thresholds import Thresholds

LONGEST = 3650
"""Days; what lies beyond is a slip of the keyboard."""

_ITSELF = "joren"

Derive = Callable[[date], Awaitable[Thresholds]]
"""From a business day to the thresholds that the history before it gives."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version, and where it comes from.

    Attributes:
        derived: from the shop's own gaps; else a person set it.
    """

    thresholds: Thresholds
    derived: bool
    saved_at: datetime
    saved_by: str


class LifeCycle:
    """Versions of the thresholds.

    Args:
        pool: the database.
        clock: decides which month is running.
        derive: works thresholds out from history.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, derive: Derive) -> None:
        self._pool = pool
        self._clock = clock
        self._derive = derive

    async def versions(self) -> tuple[Stored, ...]:
        """Every version, the one in force last."""
        async with self._pool.acquire() as connection:
            return await _versions(connection)

    async def by_history(self) -> Thresholds:
        """What the shop's own gaps give today; nothing is kept."""
        async with self._pool.acquire() as connection:
            today = await self._today(connection)
        return await self._derive(today)

    async def derive_due(self) -> int:
        """Add the version of the running month if it is missing; gives how many were added.

        None while the history is too short (figures then use the provisional thresholds and say so), nor while a version that
        a person set is in force.
        """
        async with self._pool.acquire() as connection:
            since = (await self._today(connection)).replace(day=1)
            if not await _due(connection, since):
                return 0
        made = await self._derive(since)
        if made.provisional:
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock_versions(connection)
            if not await _due(connection, since):
                return 0
            await store.add_version(connection, made, derived=True, at=self._clock.now(), by=_ITSELF)
        return 1

    async def set(self, t1: int, t2: int, t3: int, *, actor: str) -> Stored:
        """Set thresholds (days) that hold from today on, until `follow_history`.

        Raises:
            BadInput: they do not rise, or are not between 1 and `LONGEST`.
        """
        if not 0 < t1 < t2 < t3 <= LONGEST:
            raise BadInput(
                f"Thresholds are whole days that rise, from 1 to {LONGEST}: T1 < T2 < T3, not {t1}, {t2}, {t3}.",
                code="bad_thresholds",
                field="t1",
            )
        async with self._pool.acquire() as connection, connection.transaction():
            today = await self._today(connection)
            return await self._add(
                connection, Thresholds(version=0, since=today, t1=t1, t2=t2, t3=t3), derived=False, actor=actor
            )

    async def follow_history(self, *, actor: str) -> Stored:
        """Let go of what a person set: from today on the shop's own gaps decide again, provisional ones while they are few."""
        made = await self.by_history()
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._add(connection, made, derived=True, actor=actor)

    async def _add(self, connection: Connection, new: Thresholds, *, derived: bool, actor: str) -> Stored:
        now = self._clock.now()
        await store.lock_versions(connection)
        number = await store.add_version(connection, new, derived=derived, at=now, by=actor)
        await access.write_audit(
            connection,
            at=now,
            actor=actor,
            action="life_cycle.follow" if derived else "life_cycle.set",
            target=f"version {number}",
            detail={"t1": new.t1, "t2": new.t2, "t3": new.t3, "since": str(new.since)},
        )
        return Stored(replace(new, version=number), derived, now, actor)

    async def _today(self, connection: Connection) -> date:
        return (await shop.read_settings(connection)).calendar.business_day(self._clock.now())


async def _versions(connection: Connection) -> tuple[Stored, ...]:
    found = [
        Stored(store.thresholds_of(row), row["derived"], row["saved_at"], row["saved_by"])
        for row in await store.list_versions(connection)
    ]
    return tuple(sorted(found, key=lambda one: (one.thresholds.since, one.thresholds.version)))


async def _due(connection: Connection, since: date) -> bool:
    found = await _versions(connection)
    return not found or (found[-1].derived and found[-1].thresholds.since < since)
