"""One batch of the log on its way into PostgreSQL's projections and the lake.

Each step is safe to repeat: see `backend.services.refresh.loop`, which decides whose turn it is.
"""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.clock import Clock
from backend.lake.log import Log, read_log
from backend.lake.rows import LakeRows, make_rows, uncategorised
from backend.lake.schemas import HISTORY
from backend.lake.tables import Lake
from backend.services.refresh.erased import without_erased
from backend.services.refresh.people import sightings_in
from backend.services.refresh.projection import customers_of, load_registry, project
from backend.store import definitions, events, refresh, shop
from backend.store.pool import Connection
from backend.store.refresh import Batch
from segments.identity import Registry

APP_ID = "joren"
"""Under this name the lake's tables know the numbers of our batches."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How many events a batch had, and when the first of them came."""

    events: int
    oldest: datetime | None


class Batches:
    """Plans batches and moves them. Only the one writer may ask, inside its turn, whose epoch it gives.

    Args:
        clock: tells now.
        lake: where history goes.
        largest: events in one batch.
        watch: as of `backend.services.refresh.loop.Refresh`.
    """

    def __init__(self, clock: Clock, lake: Lake, *, largest: int, watch: Callable[[str], None]) -> None:
        self._clock = clock
        self._lake = lake
        self._largest = largest
        self._watch = watch
        self._committed_upto = 0

    async def plan(self, connection: Connection, *, epoch: int) -> Batch | None:
        """The next batch, behind the fence; None when there is nothing new."""
        last = (await refresh.read_state(connection)).done_seq
        if self._committed_upto <= last:
            self._committed_upto = await _fence(connection)
            self._watch("fenced")
        async with connection.transaction():
            await refresh.hold_epoch(connection, epoch=epoch)
            batch = await refresh.plan_batch(
                connection, committed_upto=self._committed_upto, largest=self._largest, now=self._clock.now()
            )
        self._watch("planned")
        return batch

    async def move(self, connection: Connection, batch: Batch, *, epoch: int) -> Moved:
        """Move a batch, or what is missing of it.

        Raises:
            Conflict: another refresh took over (``fenced``).
        """
        with _collector_at_rest():
            rows = await without_erased(connection, await refresh.read_batch(connection, batch))
            log = await asyncio.to_thread(read_log, rows, await refresh.source_kinds(connection))
            self._watch("read")
            await self._write(connection, batch, log, epoch=epoch)
            return Moved(len(log), min([row["received_at"] for row in rows], default=None))

    async def read_again(self, connection: Connection, batch: Batch) -> LakeRows:
        """The lake's rows of a batch that was moved, as far as the log still holds it."""
        rows = await without_erased(connection, await refresh.read_batch(connection, batch))
        log = await asyncio.to_thread(read_log, rows, await refresh.source_kinds(connection))
        registry = await load_registry(connection, await asyncio.to_thread(sightings_in, log), births=False)
        return await _rows(connection, log, registry)

    async def _write(self, connection: Connection, batch: Batch, log: Log, *, epoch: int) -> None:
        now = self._clock.now()
        sightings = await asyncio.to_thread(sightings_in, log)
        async with connection.transaction():
            await refresh.hold_epoch(connection, epoch=epoch)
            registry = await load_registry(connection, sightings, births=batch.projected_at is None)
            if batch.projected_at is None:
                await project(connection, log, sightings, registry)
                await refresh.mark_projected(connection, batch=batch.batch, now=now)
        self._watch("projected")
        rows = await _rows(connection, log, registry)
        for table in HISTORY:
            frame = getattr(rows, table)
            await asyncio.to_thread(self._lake.append, table, frame, app_id=APP_ID, version=batch.batch)
            self._watch(str(table))
        async with connection.transaction():
            await refresh.hold_epoch(connection, epoch=epoch)
            await refresh.mark_done(connection, batch=batch.batch, now=now, events=len(log))
        self._watch("done")


async def _rows(connection: Connection, log: Log, registry: Registry) -> LakeRows:
    settings = await shop.read_settings(connection)
    return await asyncio.to_thread(
        make_rows,
        log,
        customers_of(log, registry),
        calendar=settings.calendar,
        currency=settings.currency,
        categories=await definitions.product_categories(connection, product_ids=uncategorised(log)),
    )


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A batch is many objects and no circles of them: to look through all of them again and again took a tenth of the time."""
    resting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if resting:
            gc.enable()


async def _fence(connection: Connection) -> int:
    """How far the log is complete. Busy writers are let through and asked again."""
    while True:
        try:
            async with connection.transaction():
                return await events.committed_upto(connection)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(0.05)
