"""Writes what became of sends, retires dead addresses, holds and pauses where sending stopped making sense."""

import asyncio
import random
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import asyncpg
import structlog

from backend.clock import Clock
from backend.services.deliveries.chunks import Chunk, Sending, Sent
from backend.store import campaigns as campaign_store
from backend.store import deliveries as store
from backend.store import retirements
from backend.store.outages import OUTAGES
from backend.store.pool import Connection
from campaigns.campaign import Action, State, next_state
from campaigns.message import PushMessage
from campaigns.retry import Resolution, jump, resolve

WATCHED = 200
"""Outcomes a worker looks back on to see a jump of one kind."""
_RECORD_TRIES = 60

log = structlog.get_logger()


class Outcomes:
    """The record of one worker's sends."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, patience: float) -> None:
        self._pool = pool
        self._clock = clock
        self._patience = patience
        self._watched: dict[tuple[int, int], deque[Resolution]] = {}

    async def record_surely(self, campaign: Sending, chunk: Chunk, sent: list[Sent]) -> None:
        """Record through an outage of the database; what cannot be kept for a minute is left to `recover`."""
        for left in reversed(range(_RECORD_TRIES)):
            try:
                await self._record(campaign, chunk, sent)
            except OUTAGES as error:
                log.warning("outcomes_not_recorded", error=str(error), messages=len(sent), tries_left=left)
                await asyncio.sleep(self._patience)
            else:
                return

    async def _record(self, campaign: Sending, chunk: Chunk, sent: list[Sent]) -> None:
        now = self._clock.now()
        resolutions = {
            message.delivery_id: resolve(
                outcome,
                policy=chunk.policy_of(message.delivery_id),
                attempts=chunk.claimed[message.delivery_id].attempts + 1,
                jitter=random.random(),  # noqa: S311 - spreads retries, hides nothing
                now=now,
                expires_at=chunk.claimed[message.delivery_id].candidate.expires_at,
            )
            for message, outcome in sent
        }
        if all(one.is_plain for one in resolutions.values()):
            await self._record_plainly(chunk, resolutions, now)
        else:
            await self._record_wholly(campaign, chunk, sent, resolutions, now)
        await self._watch(campaign, list(resolutions.values()))

    async def _record_plainly(self, chunk: Chunk, resolutions: dict[int, Resolution], now: datetime) -> None:
        """Most chunks: one statement, which asks for nothing but its own rows."""
        async with self._pool.acquire() as connection:
            await store.record_outcomes(
                connection, resolutions, attempt_id=chunk.attempt_id, campaign_state=State.SENDING, now=now
            )

    async def _record_wholly(
        self,
        campaign: Sending,
        chunk: Chunk,
        sent: list[Sent],
        resolutions: dict[int, Resolution],
        now: datetime,
    ) -> None:
        """What is tried again, retires an address or holds all sends hangs on the campaign's state, and goes in one transaction."""
        gone = {number for number, one in resolutions.items() if one.retire_address}
        async with self._pool.acquire() as connection, connection.transaction():
            state = State((await campaign_store.share(connection, campaign_id=campaign.campaign_id, now=now))["state"])
            recorded = await store.record_outcomes(
                connection, resolutions, attempt_id=chunk.attempt_id, campaign_state=state, now=now
            )
            await self._retire(connection, campaign, chunk, [m for m, _ in sent if m.delivery_id in gone & recorded])
            await self._hold(connection, resolutions.values())

    async def _retire(
        self, connection: Connection, campaign: Sending, chunk: Chunk, messages: Sequence[PushMessage]
    ) -> None:
        for message in messages:
            device_id = chunk.claimed[message.delivery_id].device_id
            assert device_id is not None  # noqa: S101 - it had an address
            await retirements.retire(
                connection,
                device_id=device_id,
                address=message.address,
                delivery_id=message.delivery_id,
                campaign_id=campaign.campaign_id,
                now=self._clock.now(),
            )

    async def _hold(self, connection: Connection, resolutions: Iterable[Resolution]) -> None:
        """Where FCM asked for it, no worker sends anything for a while."""
        holds = [one.hold_all_until for one in resolutions if one.hold_all_until]
        if holds:
            await store.extend_hold(connection, until=max(holds))
            log.warning("sends_held", until=max(holds).isoformat())

    async def _watch(self, campaign: Sending, resolutions: Sequence[Resolution]) -> None:
        """Pause a campaign whose sends stopped making sense, before it burns its audience."""
        watched = self._watched.setdefault((campaign.campaign_id, campaign.revision), deque(maxlen=WATCHED))
        watched.extend(resolutions)
        reason = next((one.pause for one in resolutions if one.pause), None) or jump(watched)
        if reason is not None:
            await self._pause(campaign.campaign_id, reason)

    async def _pause(self, campaign_id: int, reason: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            held = await campaign_store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SENDING:
                return
            state = next_state(State.SENDING, Action.PAUSE)
            await campaign_store.set_state(
                connection, campaign_id=campaign_id, state=state, now=self._clock.now(), paused_reason=reason
            )
        log.error("campaign_paused", campaign_id=campaign_id, reason=reason)

    def forget_all_but(self, live: Collection[tuple[int, int]]) -> None:
        """Look back no more on campaigns that ended or changed: ``live`` names the others by number and revision."""
        self._watched = {key: value for key, value in self._watched.items() if key in live}
