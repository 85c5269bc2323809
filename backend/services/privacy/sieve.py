"""Keeps events of erased persons out at the door: an app that was off for weeks sends what it had kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from backend.clock import Clock
from backend.errors import Unavailable
from backend.store import erasures as store
from backend.store.outages import OUTAGES
from segments.envelope import Event, FailedEvent
from segments.erasure import digest_of, ids_in_bytes

REMEMBERED = timedelta(seconds=2)
"""How old an intake process's list of erased ids may be."""


class Sieve:
    """Lets through what names nobody on the list. The list is read again after `REMEMBERED`."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._read_at: datetime | None = None
        self._key: bytes | None = None
        self._digests: frozenset[bytes] = frozenset()

    async def sift(
        self, events: Sequence[Event], failed: Sequence[FailedEvent]
    ) -> tuple[Sequence[Event], Sequence[FailedEvent]]:
        """Events and failed events without those that name an erased person.

        Raises:
            Unavailable: the list cannot be read.
        """
        await self._refresh()
        if self._key is None:
            return events, failed
        return [event for event in events if not self._is_gone(event)], [
            event for event in failed if not self._names_gone(ids_in_bytes(event.raw))
        ]

    def _is_gone(self, event: Event) -> bool:
        ids = {value for value in (event.user_id, event.anonymous_id) if value}
        return self._names_gone(ids | (ids_in_bytes(bytes(event.payload)) if event.type == "alias" else set()))

    def _names_gone(self, ids: set[str]) -> bool:
        assert self._key is not None  # noqa: S101 - callers have looked
        return any(digest_of(self._key, value) in self._digests for value in ids)

    async def _refresh(self) -> None:
        now = self._clock.now()
        if self._read_at is not None and now - self._read_at < REMEMBERED:
            return
        self._read_at = now
        try:
            async with self._pool.acquire(timeout=5) as connection:
                self._key = await store.read_key(connection)
                self._digests = await store.list_digests(connection) if self._key is not None else frozenset()
        except OUTAGES as error:
            self._read_at = None
            raise Unavailable("The database does not answer. Send this again later.") from error
