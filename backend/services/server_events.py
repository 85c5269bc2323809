"""What the shop's own server says: events, and statements about customers, through the same door as everyone's events.

The log is the truth, so a statement is written there and nowhere else; profile, devices and consents follow from it with
the next refresh, a second or so later. Who must read what he wrote waits for that: `applied`.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import BadInput, NotConfigured
from backend.store import refresh
from backend.store import sources as source_store
from segments.envelope import Event, FailedEvent
from segments.intake import Reception, read_event
from segments.source_rules import SourceRules

SOURCE = "Server API"
"""Name of the source of everything that comes over the server API; it has no key of its own."""

MOST = 2500
"""Events of one call."""

_LOOK = 0.05


class Outcome(StrEnum):
    """What became of one event."""

    ACCEPTED = "accepted"
    """It is stored, by this call or by an earlier one with the same message id."""
    FAILED = "failed"
    """It is kept as a failed event, with the reason, and can be repaired and replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResult:
    """What became of one event of a call. ``code`` and ``message`` say why it failed."""

    index: int
    outcome: Outcome
    message_id: str | None = None
    code: str | None = None
    message: str | None = None


class Taker(Protocol):
    """The intake: `backend.services.ingest.Ingest`."""

    async def take(self, events: Sequence[Event], failed: Sequence[FailedEvent] = (), *, received_at: datetime) -> None:
        """Store events; returns when they are durable."""


class Rules(Protocol):
    """How a source's events are read: `backend.services.tracking_plans.TrackingPlans`."""

    async def rules_of(self, source_id: int) -> SourceRules:
        """The rules in force."""
        ...


class ServerEvents:
    """Takes what the shop's server says. It vouches for the shop, like a server's write key."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, intake: Taker, rules: Rules) -> None:
        self._pool = pool
        self._clock = clock
        self._intake = intake
        self._rules = rules
        self._source_id: int | None = None

    def now(self) -> datetime:
        """When something happened of which nobody says when."""
        return self._clock.now()

    async def take(
        self,
        calls: Sequence[bytes],
        *,
        context: dict[str, Any] | None = None,
        sent_at: datetime | None = None,
    ) -> tuple[EventResult, ...]:
        """Store events; a bad one never fails the others. Returns when they are durable.

        Args:
            calls: each an event as JSON.
            context: merged into each event's own, which goes first.
            sent_at: by the sender's clock.

        Raises:
            BadInput: none, or more than `MOST`.
            Unavailable: they cannot be stored now; the same call again is right.
        """
        if not 0 < len(calls) <= MOST:
            raise BadInput(f"Send 1 to {MOST} events in one call.", code="bad_batch", field="batch")
        reception = await self._reception(context, sent_at)
        read = [read_event(raw, reception) for raw in calls]
        events = [one for one in read if isinstance(one, Event)]
        failed = [one for one in read if isinstance(one, FailedEvent)]
        await self._intake.take(events, failed, received_at=reception.received_at)
        return tuple(_result(index, one) for index, one in enumerate(read))

    async def state(self, call: dict[str, Any]) -> str:
        """Store one statement, see `segments.statements`; gives its message id.

        Raises:
            BadInput: it cannot be stored; nothing was.
            Unavailable: not now.
        """
        reception = await self._reception(None, None)
        read = read_event(msgspec.json.encode(call), reception)
        if isinstance(read, FailedEvent):
            raise BadInput(read.reason, code=read.code)
        await self._intake.take([read], received_at=reception.received_at)
        return read.message_id

    async def applied(self, *, within: timedelta) -> bool:
        """Wait until people, devices and consents hold everything that is stored by now; False when the time is over."""
        clock = asyncio.get_running_loop()
        deadline = clock.time() + within.total_seconds()
        async with self._pool.acquire() as connection:
            goal = (await refresh.read_state(connection)).log_seq
        while clock.time() < deadline:
            async with self._pool.acquire() as connection:
                if await refresh.projected_upto(connection) >= goal:
                    return True
            await asyncio.sleep(_LOOK)
        return False

    async def _reception(self, context: dict[str, Any] | None, sent_at: datetime | None) -> Reception:
        if self._source_id is None:
            self._source_id = await self._find_source()
        rules = await self._rules.rules_of(self._source_id)
        return Reception(
            source_id=self._source_id,
            trusted=True,
            received_at=self._clock.now(),
            sent_at=sent_at,
            context=context,
            rules=rules,
        )

    async def _find_source(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await source_store.ensure_keyless(connection, name=SOURCE, now=self._clock.now())
        if row["kind"] != "server" or row["revoked_at"] is not None:
            raise NotConfigured(
                f"A source of your own is called {SOURCE!r}, which is the name of what comes over the server API."
            )
        source_id: int = row["source_id"]
        return source_id


def _result(index: int, read: Event | FailedEvent) -> EventResult:
    if isinstance(read, Event):
        return EventResult(index=index, outcome=Outcome.ACCEPTED, message_id=read.message_id)
    return EventResult(index=index, outcome=Outcome.FAILED, code=read.code, message=read.reason)


def message_id_of(key_name: str, idempotency_key: str | None, *, asked: bytes) -> str | None:
    """The message id of a statement that came with an idempotency key: said again, it is the same event.

    ``asked`` stands for all that was said: a key is free again after some days, ids are remembered longer.
    """
    if idempotency_key is None:
        return None
    return hashlib.blake2b(f"{key_name}\x1f{idempotency_key}\x1f".encode() + asked, digest_size=16).hexdigest()
