"""Workers tell that they live, and keep the house: partitions ahead of time, counts folded."""

from datetime import datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.store import events as event_store
from backend.store import idempotency
from backend.store import rates as rate_store
from backend.store import workers as store

SILENT = timedelta(minutes=10)
"""A worker that nobody heard of for so long is taken off the list."""
QUIET = timedelta(minutes=10)
"""A bucket of a rate limit that was not asked for so long is full, and need not be kept."""


ANSWERS_KEPT = timedelta(hours=48)
"""An Idempotency-Key is remembered for at least this long."""


class Workers:
    """The worker processes of this installation."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def beat(self, worker: str, *, started_at: datetime, loops: dict[str, int], held: str | None = None) -> None:
        """Say that a worker lives; ``loops`` counts the rounds of each of its loops, ``held`` why it sends nothing."""
        async with self._pool.acquire() as connection:
            await store.beat(
                connection,
                worker=worker,
                started_at=started_at,
                now=self._clock.now(),
                detail={"rounds": loops, "held": held},
            )

    async def leave(self, worker: str) -> None:
        """A worker that ends says so."""
        async with self._pool.acquire() as connection:
            await store.forget(connection, worker=worker)

    async def keep_house(self) -> int:
        """Make the log's partitions of the coming week, fold counts, forget silent workers; gives partitions made."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            made = await event_store.ensure_partitions(connection, first=now.date())
            async with connection.transaction():
                await event_store.fold_counts(connection)
                await store.forget_silent(connection, before=now - SILENT)
                await rate_store.forget(connection, before=now - QUIET)
                await idempotency.forget(connection, before=now - ANSWERS_KEPT)
        return len(made)
