"""Is this installation well? Database, workers, how far the facts lag behind the events, room on the disk."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg

from backend.clock import Clock
from backend.store import health as store
from backend.store import refused_requests, workers
from backend.store.outages import OUTAGES

LEAST_DISK = 200_000_000
"""Bytes; with less the server says that it is not ready."""

LATE = 60.0
"""Seconds; facts older than this mean that no worker refreshes."""

AN_HOUR = timedelta(hours=1)

SILENT = 30.0
"""Seconds; a worker beats every five, so that one unheard of for so long is gone or stuck."""


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
class Crew:
    """The workers that say that they live.

    Attributes:
        workers: those heard of within `SILENT`.
        seen_at: when any was last heard of; None when there is none on the list.
        held: one of them sends nothing, for the database was restored and nobody armed it.
    """

    workers: int
    seen_at: datetime | None
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether this installation can do its work, and what a person should look at.

    Attributes:
        ready: events can be taken, and a worker turns them into facts and pushes.
        database: the database answers.
        disk_free: bytes left where `JOREN_HOME` lies.
        lag: None while the database does not answer, as ``crew``.
        concerns: stable words: ``database_unavailable``, ``disk_low``, ``worker_missing`` (none ever started, or all
            ended), ``worker_silent`` (none was heard of lately), and three that do not hinder: ``refresh_late``,
            ``requests_refused`` (within the hour a sender got 400, 401 or 413 and threw its events away), and
            ``sending_held`` (a restored database sends nothing until it is armed).
    """

    ready: bool
    database: bool
    disk_free: int
    lag: Lag | None
    crew: Crew | None
    concerns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts since the beginning, of all processes.

    Attributes:
        entries: of journeys now: ``due`` and ``aside`` people, ``late`` in seconds, events ``unread`` by triggers.
    """

    stored: int
    repeated: int
    failed: int
    deliveries: dict[str, int] = field(default_factory=dict)
    entries: dict[str, float] = field(default_factory=dict)


class Health:
    """Reads the state of the installation."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._home = home

    async def ready(self) -> Readiness:
        """The state now; never raises."""
        lag, crew, refused = await self._look() or (None, None, False)
        disk_free = self._disk_free()
        hindrances = _hindrances(crew, disk_free)
        late = ("refresh_late",) if lag is not None and lag.seconds > LATE else ()
        lost = ("requests_refused",) if refused else ()
        return Readiness(
            ready=not hindrances,
            database=lag is not None,
            disk_free=disk_free,
            lag=lag,
            crew=crew,
            concerns=(*hindrances, *late, *lost, *(("sending_held",) if crew is not None and crew.held else ())),
        )

    async def totals(self) -> Totals | None:
        """Counts of events and deliveries; None while the database does not answer."""
        try:
            async with self._pool.acquire(timeout=5) as connection:
                counts = await store.sum_counts(connection)
                return Totals(
                    **dict(counts),
                    deliveries=await store.count_deliveries(connection),
                    entries=await store.count_entries(connection, now=self._clock.now()),
                )
        except OUTAGES:
            return None

    async def _look(self) -> tuple[Lag, Crew, bool] | None:
        try:
            async with self._pool.acquire(timeout=5) as connection:
                record = await store.read_lag(connection)
                crew = _crew(await workers.list_all(connection), self._clock.now())
                refused = await refused_requests.any_since(connection, moment=self._clock.now() - AN_HOUR)
        except OUTAGES:
            return None
        now, oldest = self._clock.now(), record["oldest_waiting"]
        seconds = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
        lag = Lag(rows=record["rows_behind"], seconds=seconds, refreshed_at=record["refreshed_at"])
        return lag, crew, refused

    def _disk_free(self) -> int:
        """Of the nearest folder that exists: before the first start there is no home yet."""
        folder = next(path for path in (self._home, *self._home.absolute().parents) if path.exists())
        return shutil.disk_usage(folder).free


def _crew(rows: Sequence[asyncpg.Record], now: datetime) -> Crew:
    alive = [row for row in rows if abs((now - row["seen_at"]).total_seconds()) <= SILENT]
    return Crew(
        workers=len(alive),
        seen_at=max((row["seen_at"] for row in rows), default=None),
        held=any(row["detail"].get("held") for row in alive),
    )


def _hindrances(crew: Crew | None, disk_free: int) -> tuple[str, ...]:
    found = []
    if crew is None:
        found.append("database_unavailable")
    elif not crew.workers:
        found.append("worker_missing" if crew.seen_at is None else "worker_silent")
    if disk_free < LEAST_DISK:
        found.append("disk_low")
    return tuple(found)
