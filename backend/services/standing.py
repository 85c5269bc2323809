"""Keeps the standing of everybody, so that whoever asks the gates of millions reads next to nothing; see docs/decisions/0030."""

from collections.abc import Callable
from datetime import datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.store import shop
from backend.store import standing_keeping as store

SOON, LATER = 5_000, timedelta(seconds=60)
"""So many changes are put into the blocks at once, fewer after so long: each rewrites a block, and is read in 15 µs until then."""

MOST = 500_000
"""With more changes everybody is read anew."""


class StandingKeeper:
    """The keeper. Any number may exist; one at a time works.

    Args:
        pool: the database.
        clock: tells whose pushes are of the last week.
        soon: see `SOON`.
        most: see `MOST`.
        watch: told before every step; for tests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        soon: int = SOON,
        most: int = MOST,
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._soon = soon
        self._most = most
        self._watch = watch
        self._applied_at: datetime | None = None

    async def work(self) -> int:
        """One round: a block that is not there, or the changes that wait; gives how many blocks or people, 0 where there is nothing to do."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            if not await store.hold(connection):
                return 0
            self._watch("held")
            done = await self._round(connection)
            self._watch("written")
        self._watch("committed")
        return done

    async def work_until_current(self) -> int:
        """Rounds until there is nothing to do; gives what they did together."""
        total = 0
        while done := await self.work():
            total += done
        return total

    async def _round(self, connection: asyncpg.Connection) -> int:
        waiting = await store.count_changes(connection, most=self._most)
        if waiting >= self._most:
            await store.drop(connection)
            return waiting
        now, rules = self._clock.now(), (await shop.read_settings(connection)).sending
        writing = store.Round(connection, rules, now)
        if missing := await store.blocks_to_build(connection, rules):
            await writing.build(missing[:1])
            return 1
        rested = self._applied_at is None or now - self._applied_at >= LATER
        if not waiting or (waiting < self._soon and not rested):
            return 0
        changes = await store.take_changes(connection)
        self._watch("taken")
        await writing.apply(changes)
        self._applied_at = now
        return len(changes)
