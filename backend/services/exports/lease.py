"""Holding an export while it is written: the lease is renewed beside the work, and its loss ends the work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog

from backend.clock import Clock
from backend.store import exports as store
from backend.store.outages import OUTAGES

LEASE = timedelta(seconds=60)
"""How long an export stays with a worker that says nothing."""

log = structlog.get_logger(__name__)


class Lost(Exception):
    """Another worker has the export now, or it was withdrawn."""


@dataclass(slots=True)
class Held:
    """One attempt at one export, and how far it is."""

    export_id: int
    attempt_id: UUID
    rows: int = 0
    share: float = 0.0
    lost: bool = False

    def progress(self, rows: int, share: float) -> None:
        """Note how far it is; see `writing.Progress`.

        Raises:
            Lost: it is somebody else's.
        """
        self.rows, self.share = rows, share
        if self.lost:
            raise Lost


@contextlib.asynccontextmanager
async def holding(pool: asyncpg.Pool, clock: Clock, held: Held, *, every: float) -> AsyncIterator[None]:
    """Renew the lease every so many seconds while the block runs."""
    keeper = asyncio.create_task(_renew(pool, clock, held, every))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _renew(pool: asyncpg.Pool, clock: Clock, held: Held, every: float) -> None:
    while not held.lost:
        await asyncio.sleep(every)
        try:
            async with pool.acquire() as connection:
                kept = await store.renew(
                    connection,
                    export_id=held.export_id,
                    attempt_id=held.attempt_id,
                    leased_until=clock.now() + LEASE,
                    rows=held.rows,
                    share=held.share,
                )
        except OUTAGES as error:
            log.warning("lease_not_renewed", export_id=held.export_id, error=repr(error))
        else:
            held.lost = not kept
