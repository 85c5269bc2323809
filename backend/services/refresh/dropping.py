"""Drops raw history that is older than the operator wants it, once a business day, when all of it is counted.

Each step is safe to repeat: the audit entry of a day is written once and first, a table says itself since when it is whole, and
what is dropped has been in ``customer_days`` before.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime

import structlog
from deltalake.exceptions import DeltaError

from backend.lake.dropping import drop_before, old_tables
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.batches import APP_ID
from backend.store import refresh, retention, shop
from backend.store.pool import Connection
from segments.calendar import months_before

_log = structlog.get_logger(__name__)


class OldHistory:
    """Drops old days. Only the refresh writer may call it, inside its turn.

    Args:
        lake: from which they go.
        months: after how many they go; 0 drops none.
        watch: as of `backend.services.refresh.loop.Refresh`.
    """

    def __init__(self, lake: Lake, *, months: int, watch: Callable[[str], None]) -> None:
        self._lake = lake
        self._months = months
        self._watch = watch
        self._done: date | None = None

    async def drop_due(self, connection: Connection, *, epoch: int, now: datetime) -> int:
        """Drop the days that are due; gives how many files went out of use. A day is looked at once by one process.

        Raises:
            Conflict: another refresh took over (``fenced``).
        """
        if not self._months:
            return 0
        calendar = (await shop.read_settings(connection)).calendar
        before = months_before(calendar.business_day(now), self._months)
        if self._done == before:
            return 0
        try:
            dropped = await self._drop(connection, before, epoch=epoch, now=now)
        except DeltaError as error:  # what is too old already must not stop what the shop lives on
            _log.error("history_not_dropped", before=before.isoformat(), reason=str(error), remedy="joren doctor")
            return 0
        if dropped is None:
            return 0
        self._done = before
        return dropped

    async def _drop(self, connection: Connection, before: date, *, epoch: int, now: datetime) -> int | None:
        """None where it has to wait: not all that is in the events is counted."""
        tables = await asyncio.to_thread(old_tables, self._lake, before)
        if not tables:
            return 0
        if not await self._is_counted(connection):
            _log.warning("history_waits", before=before.isoformat(), reason="customer_days is behind the events")
            return None
        async with connection.transaction():
            await refresh.hold_epoch(connection, epoch=epoch)
            await retention.note_history_dropped(connection, before=before, months=self._months, now=now)
        self._watch("history_noted")
        dropped = 0
        for table in tables:
            async with connection.transaction():
                await refresh.hold_epoch(connection, epoch=epoch)
            dropped += await asyncio.to_thread(drop_before, self._lake, table, before)
            self._watch("history_dropped")
        _log.info("history_dropped", before=before.isoformat(), files=dropped)
        return dropped

    async def _is_counted(self, connection: Connection) -> bool:
        """Whether every batch that the events hold is in customer_days too."""
        if await refresh.unfinished_batch(connection) is not None:
            return False
        counted = await asyncio.to_thread(self._lake.version, Table.CUSTOMER_DAYS, APP_ID)
        return counted == await refresh.last_done(connection)
