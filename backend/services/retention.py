"""Lets go of what was kept long enough: days of the log that are in the lake, old ids, failed events that are done with, old ways.

Old days are dropped as whole partitions, which leaves nothing for vacuum. Ids go page by page, a little every few
seconds; the room they leave is used by the ids that come. Failed events go some at a time: those that were recovered
with the days of the log, those that wait when nobody has mended their cause for months. Of who left a journey long ago the
steps go some at a time; their counts stay. All of it may be asked by any number of workers at once.
"""

import contextlib
from datetime import timedelta

import asyncpg
import structlog

from backend.clock import Clock
from backend.store import journeys
from backend.store import retention as store

WAYS = 2_000
"""People whose ways go in one transaction."""
PAGES = 1000
"""Pages of the id table in one transaction: some hundred thousand ids, less than a second."""

_log = structlog.get_logger(__name__)


class Retention:
    """How long the intake remembers.

    Args:
        pool: of the database.
        clock: tells the day.
        keep_log: how long the log holds what came, at least; longer where the lake is behind.
        keep_ids: how long a repeated event is recognised.
        keep_failed: how long a failed event waits for its replay. One that was recovered stays for `keep_log` after that.
        keep_ways: how long it is told step by step which way somebody took through a journey, after she left it.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        keep_log: timedelta = timedelta(days=30),
        keep_ids: timedelta = timedelta(days=30),
        keep_failed: timedelta = timedelta(days=90),
        keep_ways: timedelta = timedelta(days=400),
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._keep_log = keep_log
        self._keep_ids = keep_ids
        self._keep_failed = keep_failed
        self._keep_ways = keep_ways

    async def drop_old_days(self) -> int:
        """Drop the days of the log that are old and in the lake; gives how many partitions went."""
        now = self._clock.now()
        before = store.days_before(now, self._keep_log)
        dropped = 0
        async with self._pool.acquire() as connection:
            for day in await store.old_partitions(connection, before=before):
                with contextlib.suppress(store.Refused, asyncpg.UndefinedTableError):
                    async with connection.transaction():
                        dropped += await store.drop_day(connection, day=day, now=now)
            while True:
                async with connection.transaction():
                    if await store.clear_rest(connection, before=before, now=now) < store.PIECE:
                        break
        if dropped:
            _log.info("log_days_dropped", days=dropped, before=before.isoformat())
        return dropped

    async def forget_ids(self) -> int:
        """Take the next step of the sweep over the ids; gives how many went, 0 when there is nothing to do now."""
        before = store.days_before(self._clock.now(), self._keep_ids)
        async with self._pool.acquire() as connection, connection.transaction():
            return await store.sweep_ids(connection, before=before, pages=PAGES) or 0

    async def forget_failed(self) -> int:
        """Remove failed events that are done with, each piece in a transaction of its own; gives how many went."""
        now = self._clock.now()
        recovered = waiting = 0
        async with self._pool.acquire() as connection:
            while True:
                async with connection.transaction():
                    gone = await store.forget_failed(
                        connection, recovered_before=now - self._keep_log, received_before=now - self._keep_failed
                    )
                recovered, waiting = recovered + gone.recovered, waiting + gone.waiting
                if gone.recovered + gone.waiting < store.FAILED_PIECE:
                    break
        if recovered or waiting:
            _log.info("failed_events_forgotten", recovered=recovered, waiting=waiting)
        return recovered + waiting

    async def forget_ways(self) -> int:
        """Count and let go of the steps of those who left journeys long ago, each piece in a transaction of its own; gives of how many."""
        before, forgotten = self._clock.now() - self._keep_ways, 0
        async with self._pool.acquire() as connection:
            while True:
                gone = await journeys.forget_ways(connection, before=before, limit=WAYS)
                forgotten += gone
                if gone < WAYS:
                    break
        if forgotten:
            _log.info("ways_forgotten", people=forgotten, before=before.isoformat())
        return forgotten
