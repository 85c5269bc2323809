"""Events by name: how much came, how it goes from day to day, what breaks the plan, what the properties look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from backend.store import event_volumes as store
from segments.observed import Observed, observe

SAMPLED = 200
"""Events that the look of the properties is taken from."""
DEPTH = 200_000
"""Newest rows of the log among which they are sought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDay:
    """What came on one received day (UTC)."""

    day: date
    stored: int = 0
    violated: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NameVolume:
    """What came of one name: a track call's event, else the type of call.

    Attributes:
        violated: of the stored ones, how many break the plan.
    """

    name: str
    stored: int
    repeated: int
    violated: int
    failed: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventVolume(NameVolume):
    """With each day of a window, oldest first."""

    days: tuple[EventDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationCount:
    """How many stored events break the plan in one way; ``violation`` as `segments.violations` writes it."""

    violation: str
    events: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSheet:
    """One event: its volume (None where none came in the window), what it breaks, its properties in ``sampled`` events."""

    volume: EventVolume | None
    violations: tuple[ViolationCount, ...]
    properties: tuple[Observed, ...]
    sampled: int


class EventVolumes:
    """Events by name."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def volumes(self, *, first: date, last: date, source_id: int | None = None) -> tuple[EventVolume, ...]:
        """Every name that came on these received days, most frequent first; of one source or of all."""
        async with self._pool.acquire() as connection:
            records = await store.count_days(connection, since=first, source_id=source_id)
        volumes = [_volume(group, first, last) for group in _by_name(records)]
        return tuple(sorted(volumes, key=lambda volume: (-volume.stored, volume.name)))

    async def totals(self) -> tuple[NameVolume, ...]:
        """Every name that ever came, most frequent first."""
        async with self._pool.acquire() as connection:
            records = await store.count_days(connection, since=date.min)
        totals = [NameVolume(**_total(group)) for group in _by_name(records)]
        return tuple(sorted(totals, key=lambda total: (-total.stored, total.name)))

    async def sheet(self, name: str, *, first: date, last: date, source_id: int | None = None) -> EventSheet:
        """One event."""
        async with self._pool.acquire() as connection:
            records = await store.count_days(connection, since=first, source_id=source_id, name=name)
            violations = await store.count_violations(connection, name=name, source_id=source_id)
            samples = await store.sample_event(connection, name=name, source_id=source_id, limit=SAMPLED, depth=DEPTH)
        return EventSheet(
            volume=_volume(records, first, last) if records else None,
            violations=tuple(ViolationCount(**dict(record)) for record in violations),
            properties=observe([record["properties"] or {} for record in samples]),
            sampled=len(samples),
        )


def _by_name(records: Sequence[asyncpg.Record]) -> list[list[asyncpg.Record]]:
    groups: dict[str, list[asyncpg.Record]] = {}
    for record in records:
        groups.setdefault(record["name"], []).append(record)
    return list(groups.values())


def _volume(records: Sequence[asyncpg.Record], first: date, last: date) -> EventVolume:
    days = {record["day"]: record for record in records}
    window = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return EventVolume(**_total(records), days=tuple(_day(day, days.get(day)) for day in window))


def _total(records: Sequence[asyncpg.Record]) -> dict[str, Any]:
    """Sums over the days of one name."""
    sums = {
        column: sum(record[column] for record in records) for column in ("stored", "repeated", "violated", "failed")
    }
    return {"name": records[0]["name"], **sums, "last_at": max(record["last_at"] for record in records)}


def _day(day: date, record: asyncpg.Record | None) -> EventDay:
    if record is None:
        return EventDay(day=day)
    return EventDay(day=day, stored=record["stored"], violated=record["violated"], failed=record["failed"])
