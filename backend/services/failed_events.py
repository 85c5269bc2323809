"""Failed events: what could not be taken in, with its reason and its bytes; see `backend.services.replays` for the way back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from backend.errors import NotFound
from backend.store import failed_events as store
from backend.store.failed_events import Wanted

__all__ = ["FailedDetail", "FailedEvents", "FailedGroup", "FailedSummary", "Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSummary:
    """One failed event in a list.

    Attributes:
        name: event or type as far as it could be read.
        violations: what it breaks of its tracking plan.
        tried_at: when it was last replayed.
        recovered_as: stored, or repeated where it was known already; None while it waits.
    """

    failed_id: int
    source_id: int
    source: str
    name: str
    received_at: datetime
    code: str
    reason: str
    violations: tuple[str, ...]
    tried_at: datetime | None
    recovered_at: datetime | None
    recovered_by: str | None
    recovered_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDetail(FailedSummary):
    """One failed event with its bytes as they came."""

    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedGroup:
    """How many failed events of one code, source and name wait."""

    code: str
    source_id: int
    source: str
    name: str
    failed: int
    last_at: datetime


class FailedEvents:
    """Failed events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def list(
        self, wanted: Wanted | None = None, *, recovered: bool = False, before: int | None = None, limit: int = 50
    ) -> tuple[FailedSummary, ...]:
        """A page of those that wait, or of those that were recovered, newest first.

        Args:
            wanted: which ones; all of them without it.
            recovered: those that were recovered.
            before: the last ``failed_id`` of the page before.
            limit: how many.
        """
        async with self._pool.acquire() as connection:
            records = await store.list_failed(
                connection, wanted or Wanted(), recovered=recovered, before=before, limit=limit
            )
        return tuple(FailedSummary(**_values(record)) for record in records)

    async def groups(self) -> tuple[FailedGroup, ...]:
        """What waits, per code, source and name, most frequent first."""
        async with self._pool.acquire() as connection:
            return tuple(FailedGroup(**dict(record)) for record in await store.group_failed(connection))

    async def recovered(self) -> int:
        """How many recovered ones are still kept."""
        async with self._pool.acquire() as connection:
            return await store.count_recovered(connection)

    async def get(self, failed_id: int) -> FailedDetail:
        """One failed event, waiting or recovered.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            record = await store.get_failed(connection, failed_id=failed_id)
        if record is None:
            raise NotFound(f"There is no failed event {failed_id}.")
        return FailedDetail(**_values(record))


def _values(record: asyncpg.Record) -> dict[str, Any]:
    return {**dict(record), "violations": tuple(record["violations"] or ())}
