"""Servers that break their promise on purpose: a fault test that stays green with one of them proves nothing."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from backend.asgi import Served, from_environment
from backend.services.ingest import Ingest
from segments import intake, plain_event
from segments.envelope import Event, FailedEvent

ACK_BEFORE_COMMIT = "tests.faults.sabotage:ack_before_commit"
FORGET_IDS = "tests.faults.sabotage:forget_ids"


def ack_before_commit() -> Served:
    """A server that answers 200 as soon as an event waits to be stored, before a disk that takes its time."""
    store = Ingest._store

    async def take(
        self: Ingest, events: Sequence[Event], failed: Sequence[FailedEvent] = (), *, received_at: datetime
    ) -> None:
        request = self._admit(events, failed, received_at)
        request.answer.add_done_callback(lambda _: self._open.pop(request))

    async def store_slowly(self: Ingest, group: Any) -> None:
        await asyncio.sleep(0.1)
        await store(self, group)

    Ingest.take = take  # type: ignore[method-assign]
    Ingest._store = store_slowly  # type: ignore[method-assign]
    return from_environment()


def forget_ids() -> Served:
    """A server to which no event is one that it has seen before."""

    def fresh(source_id: int, message_id: str) -> UUID:
        return uuid4()

    for reader in (intake, plain_event):
        reader.event_id_of = fresh  # type: ignore[attr-defined]
    return from_environment()
