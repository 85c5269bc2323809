"""Remembers how wrong phones' clocks are, for SDKs that do not say when they send; see `segments.device_clock`.

Learned in memory while requests are answered, written down behind their back in one statement every few seconds, read
from the database only for a phone whose clock differs from ours and of which this process knows nothing lately.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from backend.clock import Clock
from backend.errors import Unavailable
from backend.store import device_clocks as store
from backend.store.outages import OUTAGES
from backend.store.pool import briefly
from segments.device_clock import DeviceClock, PhoneBatch, learn, read_phone_batch, skew_of
from segments.occurrence import agree

MOST = 50_000
"""Devices that a process keeps in mind, some 300 bytes each."""

FRESH = timedelta(minutes=10)
"""So long a process trusts what it has in mind; another one may have learned more since."""

GONE = timedelta(days=120)
"""A phone of which nothing was learned for so long is forgotten."""

_PAUSE = timedelta(seconds=2)


def device_key(source_id: int, device: str) -> UUID:
    """By which a device's clock is remembered: a digest of its id, which is not kept itself."""
    text = f"{source_id}\x1f{device}".encode("utf-8", "surrogatepass")
    return UUID(bytes=hashlib.blake2b(text, digest_size=16, person=b"device clock").digest())


class DeviceClocks:
    """`start` before the first request, `stop` after the last; what was not yet written when a process dies is learned anew."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most: int = MOST) -> None:
        self._pool = pool
        self._clock = clock
        self._most = most
        self._known: dict[UUID, tuple[datetime, DeviceClock | None]] = {}
        self._unwritten: dict[UUID, DeviceClock] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write down from now on what is learned."""
        self._task = asyncio.create_task(self._keep_writing())

    async def stop(self) -> None:
        """Write down what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.write()

    async def skew_of(
        self,
        source_id: int,
        events: Sequence[bytes],
        *,
        sent_at: datetime | None,
        received_at: datetime,
        retried: bool,
    ) -> timedelta | None:
        """What to add to the times of this batch, and learn from it; None where nothing is known or it does not matter.

        Raises:
            Unavailable: the database does not answer.
        """
        batch = read_phone_batch(events, sent_at=sent_at, received_at=received_at, retried=retried)
        if batch is None:
            return None
        key = device_key(source_id, batch.device)
        known = await self._recall(key, batch, received_at)
        learned = learn(known, batch)
        if learned is not known and learned is not None:
            self._unwritten[key] = learned
        self._keep(key, learned, received_at)
        return skew_of(learned, batch)

    async def write(self) -> None:
        """Write down what was learned; while the database is away it is kept in mind."""
        learned, self._unwritten = self._unwritten, {}
        if not learned:
            return
        try:
            async with self._pool.acquire(timeout=5) as connection:
                await store.remember(connection, learned, now=self._clock.now())
        except OUTAGES:
            self._unwritten = learned | self._unwritten if len(learned) < self._most else self._unwritten

    async def forget(self, source_id: int, devices: Sequence[str]) -> None:
        """Forget devices whose person is erased; other processes have forgotten them within `FRESH`."""
        keys = [device_key(source_id, device) for device in devices]
        for key in keys:
            self._known.pop(key, None)
            self._unwritten.pop(key, None)
        async with self._pool.acquire() as connection:
            await store.forget(connection, device_keys=keys)

    async def _recall(self, key: UUID, batch: PhoneBatch, now: datetime) -> DeviceClock | None:
        if key in self._unwritten:
            return self._unwritten[key]
        read_at, known = self._known.get(key, (None, None))
        fresh = read_at is not None and now - read_at < FRESH
        if fresh or agree(batch.offset):
            return known
        try:
            async with briefly(self._pool) as connection:
                return await store.read(connection, device_key=key)
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Send this again later.") from error

    def _keep(self, key: UUID, clock: DeviceClock | None, now: datetime) -> None:
        self._known.pop(key, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, clock)

    async def _keep_writing(self) -> None:
        forgotten_at = self._clock.now()
        while True:
            await asyncio.sleep(_PAUSE.total_seconds())
            await self.write()
            if self._clock.now() - forgotten_at > timedelta(hours=1):
                forgotten_at = self._clock.now()
                await self._forget_gone(forgotten_at - GONE)

    async def _forget_gone(self, learned_at: datetime) -> None:
        with contextlib.suppress(*OUTAGES):
            async with self._pool.acquire(timeout=5) as connection:
                await store.forget_before(connection, learned_at=learned_at)
