"""Keeps events of erased persons out at the door: an app that was off for weeks sends what it had kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import Unavailable
from backend.store import erasures as store
from backend.store.outages import OUTAGES
from backend.store.pool import briefly
from segments.envelope import Event, FailedEvent
from segments.erasure import digest_of, ids_in_bytes, without_gone

REMEMBERED = timedelta(seconds=2)
"""How old an intake process's list of erased ids may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Erased:
    """The list of erased ids as it was at a moment; without a key nobody was ever erased."""

    read_at: datetime
    key: bytes | None
    digests: frozenset[bytes]

    def holds_any(self, ids: set[str]) -> bool:
        return self.key is not None and any(digest_of(self.key, value) in self.digests for value in ids)

    def is_gone(self, event: Event) -> bool:
        ids = {value for value in (event.user_id, event.anonymous_id) if value}
        return self.holds_any(ids | (ids_in_bytes(bytes(event.payload)) if event.type == "alias" else set()))

    def left_of(self, event: FailedEvent) -> FailedEvent | None:
        raw = without_gone(event.raw, is_gone=lambda part: self.holds_any(ids_in_bytes(part)))
        return None if raw is None else event if raw == event.raw else msgspec.structs.replace(event, raw=raw)


class Sieve:
    """Lets through what names nobody on the list. The list is read again after `REMEMBERED`, once for all who wait for it."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._known: _Erased | None = None
        self._loading: asyncio.Task[_Erased] | None = None

    async def sift(
        self, events: Sequence[Event], failed: Sequence[FailedEvent]
    ) -> tuple[Sequence[Event], Sequence[FailedEvent]]:
        """Events and failed events without those that name an erased person.

        Raises:
            Unavailable: the list cannot be read.
        """
        erased = await self._list()
        if erased.key is None:
            return events, failed
        left = (erased.left_of(event) for event in failed)
        return [event for event in events if not erased.is_gone(event)], [event for event in left if event is not None]

    async def _list(self) -> _Erased:
        if self._known is not None and self._clock.now() - self._known.read_at < REMEMBERED:
            return self._known
        return await asyncio.shield(self._loading or self._load())

    def _load(self) -> "asyncio.Task[_Erased]":
        self._loading = asyncio.create_task(self._read())
        self._loading.add_done_callback(self._loaded)
        return self._loading

    def _loaded(self, task: "asyncio.Task[_Erased]") -> None:
        self._loading = None
        if not task.cancelled() and task.exception() is None:  # whoever waits is told of a failure
            self._known = task.result()

    async def _read(self) -> _Erased:
        now = self._clock.now()
        try:
            async with briefly(self._pool) as connection:
                key = await store.read_key(connection)
                digests = await store.list_digests(connection) if key is not None else frozenset[bytes]()
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Send this again later.") from error
        return _Erased(read_at=now, key=key, digests=digests)
