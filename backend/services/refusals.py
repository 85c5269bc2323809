"""Keeps requests that were refused for good: every SDK throws away what gets 400, 401 or 413, so these bytes are the last ones.

The first few of each kind in an hour are kept for a week, for repair; `Health` says that there are some. Anybody can be
refused, also without a key, so a process keeps `MOST_BYTES` an hour and no more: a third of a GiB in that week.
"""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.errors import NotFound
from backend.store import refused_requests as store
from backend.store.outages import OUTAGES
from backend.store.refused_requests import RefusedRequest
from segments.context import blot_secrets

KEPT = timedelta(days=7)
LARGEST_KEPT = 1024 * 1024
"""Bytes of a body; of a larger one the beginning."""
LARGEST_UNAUTHORIZED = 4 * 1024
"""Bytes of a body that came without a key in force: enough to see whose it is."""
MOST_BYTES = 2 * 1024 * 1024
"""Bytes of all bodies that a process keeps in an hour; beyond it what was refused is kept without its bytes."""

_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSummary:
    """One refused request in a list; ``size`` is the number of bytes that came."""

    refused_id: int
    refused_at: datetime
    path: str
    status: int
    code: str
    message: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDetail(RefusedSummary):
    """One with its bytes, without keys as far as one can tell."""

    body: bytes


class Refusals:
    """`start` before the first request, `stop` after the last. ``per_hour`` requests of a code are kept by a process."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, per_hour: int = 20) -> None:
        self._pool = pool
        self._clock = clock
        self._per_hour = per_hour
        self._hour: datetime | None = None
        self._counts: Counter[str] = Counter()
        self._room = MOST_BYTES
        self._unwritten: list[RefusedRequest] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write down from now on what is refused."""
        self._task = asyncio.create_task(self._keep_writing())

    async def stop(self) -> None:
        """Write down what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.write()

    def note(self, *, path: str, status: int, code: str, message: str, body: bytes) -> None:
        """Keep a refused request, unless enough of its kind came in this hour."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._counts, self._room = hour, Counter(), MOST_BYTES
        self._counts[code] += 1
        if self._counts[code] <= self._per_hour:
            largest = LARGEST_UNAUTHORIZED if code == "unauthorized" else LARGEST_KEPT
            kept = blot_secrets(body[:largest])[: self._room]
            self._room -= len(kept)
            self._unwritten.append(
                RefusedRequest(
                    refused_at=now, path=path, status=status, code=code, message=message, size=len(body), body=kept
                )
            )

    async def write(self) -> None:
        """Write down what was noted; while the database is away, or where this is cut off, it waits: never much of it."""
        waiting, self._unwritten = self._unwritten, []
        if not waiting:
            return
        try:
            async with self._pool.acquire(timeout=5) as connection:
                await store.keep(connection, waiting)
        except OUTAGES:
            self._keep_waiting(waiting)
        except asyncio.CancelledError:
            self._keep_waiting(waiting)  # `stop` writes it
            raise

    async def newest(self, *, limit: int = 50) -> tuple[RefusedSummary, ...]:
        """The newest refused requests of all processes."""
        async with self._pool.acquire() as connection:
            records = await store.list_newest(connection, limit=limit)
        return tuple(RefusedSummary(**dict(record)) for record in records)

    async def detail(self, refused_id: int) -> RefusedDetail:
        """One refused request.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            record = await store.get(connection, refused_id=refused_id)
        if record is None:
            raise NotFound(f"There is no refused request {refused_id}.")
        return RefusedDetail(**dict(record))

    def _keep_waiting(self, requests: list[RefusedRequest]) -> None:
        self._unwritten = (requests + self._unwritten)[: 10 * self._per_hour]

    async def _keep_writing(self) -> None:
        forgotten_at: datetime | None = None
        while True:
            await asyncio.sleep(_PAUSE.total_seconds())
            await self.write()
            now = self._clock.now()
            if forgotten_at is None or now - forgotten_at > timedelta(hours=1):
                forgotten_at = now
                await self._forget(now - KEPT)

    async def _forget(self, moment: datetime) -> None:
        with contextlib.suppress(*OUTAGES):
            async with self._pool.acquire(timeout=5) as connection:
                await store.forget_before(connection, moment=moment)
