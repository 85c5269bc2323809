"""Rate limits that several processes keep together without asking the database at each request.

A subject (a write key, a client address, an API key) has one bucket in PostgreSQL: it holds a minute's worth of tokens and
fills by the second. A process takes a second's worth at a time, in the background, and spends it on its own. It lets the
first few through before it asks at all, so that the many addresses that send little never reach the database. A request is
never cut: it is let in while there is any room, and what it takes too much is owed to the bucket, for every process.

Hence the bound, for a limit of N a minute and P processes: in any m minutes at most N x (m + 1) from the bucket, and
beyond it P x (free + one request), where free is N / 20 and at most 600 (`free_of`); later minutes pay that back.
"""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.errors import TooMany, Unavailable
from backend.store import rates as store
from backend.store.outages import OUTAGES
from backend.store.pool import briefly

LONGEST_WAIT = 300
"""Seconds that a client is asked to wait at most."""
_MOST_SUBJECTS = 50_000


def free_of(per_minute: int) -> float:
    """What each process lets through before it asks the shared bucket."""
    return min(per_minute / 20, 600.0)


@dataclass(slots=True)
class _Share:
    """One process's part of a bucket: ``spent`` may run ahead of ``granted`` by ``free`` before the bucket is asked."""

    subject: str
    per_minute: int
    free: float
    granted: float = 0.0
    spent: float = 0.0
    shut_until: datetime | None = None
    asking: "asyncio.Task[None] | None" = None

    @property
    def room(self) -> float:
        return self.granted + self.free - self.spent

    @property
    def lease(self) -> float:
        return max(1.0, self.per_minute / 60)


class Rates:
    """Lets through what the limits allow."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most_subjects: int = _MOST_SUBJECTS) -> None:
        self._pool = pool
        self._clock = clock
        self._half = most_subjects // 2
        self._shares: dict[str, _Share] = {}
        self._older: dict[str, _Share] = {}

    async def spend(self, subject: str, cost: int = 1, *, per_minute: int) -> None:
        """Count ``cost`` against a subject's limit; 0 is no limit.

        Raises:
            TooMany: the limit is reached; nothing was counted.
            Unavailable: the limit may be reached, and the database that knows is away.
        """
        if per_minute <= 0:
            return
        share = self._shares.get(subject)
        if share is None or share.per_minute != per_minute:
            share = self._open(subject, per_minute)
        if share.room <= 0 or share.shut_until is not None:
            await self._wait_for_room(share)
        share.spent += cost
        if share.asking is None and share.room < share.lease / 2:
            self._ask(share)

    def _open(self, subject: str, per_minute: int) -> _Share:
        """The subject's share; half of all are forgotten, the least used ones, where there are too many."""
        if len(self._shares) >= self._half:
            self._older, self._shares = self._shares, {}
        share = self._shares.get(subject) or self._older.pop(subject, None)
        if share is None or share.per_minute != per_minute:
            share = _Share(subject, per_minute, free_of(per_minute))
        self._shares[subject] = share
        return share

    async def _wait_for_room(self, share: _Share) -> None:
        """Go on when the bucket has something; several requests wait for one answer, and each looks at it."""
        _refuse_while_shut(share, self._clock.now())
        while share.room <= 0 or share.shut_until is not None:
            await _outcome(share.asking or self._ask(share))
            _refuse_while_shut(share, self._clock.now())

    def _ask(self, share: _Share) -> "asyncio.Task[None]":
        """Pay what is owed and take a lease, in the background; who needs it waits for it."""
        share.asking = asyncio.create_task(self._take(share))
        share.asking.add_done_callback(_look_at)
        return share.asking

    async def _take(self, share: _Share) -> None:
        try:
            owed, now = share.spent - share.granted, self._clock.now()
            async with briefly(self._pool) as connection:
                taken, left = await store.take(
                    connection,
                    subject=share.subject,
                    owed=owed,
                    want=share.lease,
                    per_minute=share.per_minute,
                    now=now,
                )
            share.granted += owed + taken
            seconds = (1 - left) / (share.per_minute / 60)
            share.shut_until = None if taken else now + timedelta(seconds=seconds)
        finally:
            share.asking = None


def _refuse_while_shut(share: _Share, now: datetime) -> None:
    if share.shut_until is not None and now < share.shut_until:
        seconds = math.ceil((share.shut_until - now).total_seconds())
        message = "Too much was sent in the last minute. Send this again later."
        raise TooMany(message, retry_after=min(LONGEST_WAIT, max(1, seconds)))


def _look_at(task: "asyncio.Task[None]") -> None:
    """Who waits for it is told of its failure; in the background the next one asks again."""
    if not task.cancelled():
        task.exception()


async def _outcome(task: "asyncio.Task[None]") -> None:
    """Wait for a task that others may wait for too: giving up does not stop it."""
    try:
        await asyncio.shield(task)
    except OUTAGES as error:
        raise Unavailable("The database does not answer. Send this again later.") from error
