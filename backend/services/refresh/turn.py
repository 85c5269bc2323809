"""The one writer's turn: a lock that one session holds at a time, and the epoch that fences off those who lost it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from backend.errors import Conflict
from backend.store import refresh
from backend.store.pool import Connection


@dataclass(slots=True)
class Turn:
    """One run of the one writer: its session, which holds the lock, and its epoch."""

    connection: Connection
    epoch: int
    events: int = 0
    customers: int = 0
    upto_seq: int = 0
    oldest: datetime | None = None
    """When the first event came that is in no frame yet."""
    lag: timedelta = timedelta()


@contextlib.asynccontextmanager
async def locked(pool: asyncpg.Pool, patience: timedelta, *, watch: Callable[[str], None]) -> AsyncIterator[Turn]:
    """The one writer's turn. Lock and work share a session: whoever loses the lock cannot write on.

    Raises:
        Conflict: another one is at work (code ``busy``).
    """
    async with pool.acquire() as connection:
        await _lock(connection, patience)
        try:
            epoch = await refresh.take_epoch(connection)
            watch("locked")
            yield Turn(connection, epoch)
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await refresh.leave_writer_lock(connection)


async def _lock(connection: Connection, patience: timedelta) -> None:
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    while not await refresh.try_writer_lock(connection):
        if asyncio.get_running_loop().time() >= deadline:
            raise Conflict("Another refresh is at work; what is stored is safe and will be moved.", code="busy")
        await asyncio.sleep(0.05)
