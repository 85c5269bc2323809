"""Is this installation well? Database, how far the facts lag behind the events, room on the disk."""

import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg

from backend.clock import Clock
from backend.store import health as store
from backend.store.outages import OUTAGES

LEAST_DISK = 200_000_000
"""Bytes; with less the server says that it is not ready."""

LATE = 60.0
"""Seconds; facts older than this mean that no worker refreshes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far the facts are behind.

    Attributes:
        rows: events stored and not yet in the facts, more or less.
        seconds: age of the oldest of them; 0 when there is none.
        refreshed_at: when the facts were last brought up to date; None before the first time.
    """

    rows: int
    seconds: float
    refreshed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether this server can do its work, and what a person should look at.

    Attributes:
        ready: events can be taken.
        database: the database answers.
        disk_free: bytes left where `JOREN_HOME` lies.
        lag: None while the database does not answer.
        concerns: stable words: ``database_unavailable``, ``disk_low``, ``refresh_late``.
    """

    ready: bool
    database: bool
    disk_free: int
    lag: Lag | None
    concerns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts since the beginning, of all processes."""

    stored: int
    repeated: int
    failed: int
    deliveries: dict[str, int] = field(default_factory=dict)


class Health:
    """Reads the state of the installation."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._home = home

    async def ready(self) -> Readiness:
        """The state now; never raises."""
        lag = await self._lag()
        disk_free = self._disk_free()
        concerns = []
        if lag is None:
            concerns.append("database_unavailable")
        if disk_free < LEAST_DISK:
            concerns.append("disk_low")
        fit = not concerns
        if lag is not None and lag.seconds > LATE:
            concerns.append("refresh_late")
        return Readiness(ready=fit, database=lag is not None, disk_free=disk_free, lag=lag, concerns=tuple(concerns))

    async def totals(self) -> Totals | None:
        """Counts of events and deliveries; None while the database does not answer."""
        try:
            async with self._pool.acquire(timeout=5) as connection:
                counts = await store.sum_counts(connection)
                return Totals(**dict(counts), deliveries=await store.count_deliveries(connection))
        except OUTAGES:
            return None

    async def _lag(self) -> Lag | None:
        try:
            async with self._pool.acquire(timeout=5) as connection:
                record = await store.read_lag(connection)
        except OUTAGES:
            return None
        oldest = record["oldest_waiting"]
        seconds = 0.0 if oldest is None else max((self._clock.now() - oldest).total_seconds(), 0.0)
        return Lag(rows=record["rows_behind"], seconds=seconds, refreshed_at=record["refreshed_at"])

    def _disk_free(self) -> int:
        """Of the nearest folder that exists: before the first start there is no home yet."""
        folder = next(path for path in (self._home, *self._home.absolute().parents) if path.exists())
        return shutil.disk_usage(folder).free
