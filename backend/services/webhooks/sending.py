"""Sends what lies in the outbox: claim under a lease, commit, call, record. At least once, with the same id each time.

A worker that dies between call and record leaves a lease that runs out; the message is sent again, and the receiver
knows it by its id. No call is made inside a transaction.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import structlog

from backend.clock import Clock
from backend.outbound.client import Answer
from backend.outbound.signature import headers
from backend.store import access
from backend.store import webhooks as store
from backend.store.pool import Connection
from backend.store.webhooks import Attempt, Claimed
from campaigns.notices import FAILING_FOR, GONE, WAITS, Notice, NoticeType, next_attempt, was_taken

LEASE = timedelta(seconds=60)
"""How long a claim lasts; far above the five seconds of a call."""
EACH = 4
"""Messages of one endpoint claimed at once: a slow one takes no more than these places."""
KEPT = timedelta(days=30)
"""How long the delivery log is kept."""
ALARM_EVERY = timedelta(hours=1)
"""Failed events ring at most so often."""

log = structlog.get_logger(__name__)


class Poster(Protocol):
    """Who makes the calls; `backend.outbound.client.Caller` does."""

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body; what goes wrong is in the answer."""
        ...


class WebhookRuns:
    """The worker's side: sending, watching, tidying. Any number of workers may run it at once."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, caller: Poster, lease: timedelta = LEASE) -> None:
        self._pool = pool
        self._clock = clock
        self._caller = caller
        self._lease = lease

    async def deliver(self) -> int:
        """Send what is due, some of each endpoint; gives how many messages were tried."""
        now, attempt_id = self._clock.now(), uuid4()
        async with self._pool.acquire() as connection, connection.transaction():
            claimed = await store.claim(
                connection, attempt_id=attempt_id, now=now, leased_until=now + self._lease, each=EACH
            )
        await asyncio.gather(*(self._send(one, attempt_id) for one in claimed))
        return len(claimed)

    async def ring(self) -> int:
        """Tell of events that could not be taken in since the last time; gives how many."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            alarm = await store.lock_alarm(connection)
            if alarm is None or (alarm["rung_at"] is not None and now - alarm["rung_at"] < ALARM_EVERY):
                return 0
            by_code, newest = await store.count_new_failures(connection, after=alarm["seen_upto"])
            if not by_code:
                return 0
            failed = sum(by_code.values())
            await store.publish(connection, Notice(NoticeType.EVENTS_FAILED, now, {"failed": failed, "codes": by_code}))
            await store.ring_alarm(connection, upto=newest, now=now)
        return failed

    async def keep_house(self) -> int:
        """Forget what is older than the log is kept, and secrets whose overlap is over."""
        now = self._clock.now()
        tried_for = sum(WAITS, timedelta())
        async with self._pool.acquire() as connection, connection.transaction():
            await store.prune(connection, sent_before=now - KEPT, waiting_before=now - tried_for, now=now)
        return 0

    async def _send(self, one: Claimed, attempt_id: UUID) -> None:
        at, body = self._clock.now(), one.body.encode()
        signed = headers(one.secrets_, message_id=one.message_id, at=at, body=body)
        answer = await self._caller.post(one.url, headers=signed, body=body)
        await self._record(one, attempt_id, answer, at)

    async def _record(self, one: Claimed, attempt_id: UUID, answer: Answer, at: datetime) -> None:
        now = self._clock.now()
        taken = answer.error is None and was_taken(answer.status)
        again = None if taken or answer.status == GONE else next_attempt(one.attempts, now=now, jitter=_jitter())
        state = "delivered" if taken else "dead" if again is None else "waiting"
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.settle(
                connection, delivery_id=one.delivery_id, attempt_id=attempt_id, state=state, next_at=again, now=now
            ):
                return
            await store.log_attempt(connection, _attempt(one, answer, at))
            if taken:
                await store.note_success(connection, endpoint_id=one.endpoint_id)
            else:
                await self._note_failure(connection, one.endpoint_id, answer, now)

    async def _note_failure(self, connection: Connection, endpoint_id: int, answer: Answer, now: datetime) -> None:
        since = await store.note_failure(connection, endpoint_id=endpoint_id, now=now)
        reason = "gone" if answer.status == GONE else "failing" if now - since >= FAILING_FOR else None
        if reason is None or not await store.disable(connection, endpoint_id=endpoint_id, now=now, reason=reason):
            return
        log.error("webhook_disabled", endpoint_id=endpoint_id, reason=reason, failing_since=since.isoformat())
        detail: dict[str, Any] = {"reason": reason, "failing_since": since.isoformat()}
        await access.write_audit(
            connection, at=now, actor="joren", action="webhook.disable", target=f"webhook {endpoint_id}", detail=detail
        )


def _attempt(one: Claimed, answer: Answer, at: datetime) -> Attempt:
    return Attempt(
        delivery_id=one.delivery_id,
        attempt=one.attempts,
        at=at,
        milliseconds=answer.milliseconds,
        status=answer.status,
        error=answer.error,
        response=answer.text,
    )


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads attempts, hides nothing
