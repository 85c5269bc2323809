"""Sends what is due: claim under a lease, check once more under lock, mark, call, record. Takes over from the dead.

No message is sent whose mark was not committed before, and no call is made inside a transaction. A crash
leaves one of two things: claimed rows, surely not sent, or rows marked as sending, whose outcome nobody knows.
Policy *once* then loses at most what a worker has in flight (`CHUNK` a lane), *surely* repeats at most that.

Workers' clocks must agree to within a few seconds: leases are compared with the clock handed in.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import structlog

from backend.clock import Clock
from backend.store import campaigns as campaign_store
from backend.store import deliveries as store
from backend.store import rates, retirements
from backend.store import shop as shop_store
from backend.store.outages import OUTAGES
from backend.store.pool import Connection
from campaigns.campaign import Action, Content, Policy, State, next_state
from campaigns.delivery import Outcome, PushSender
from campaigns.dispatch import Stop, prepare
from campaigns.gates import ConsentRule, SendingRules
from campaigns.message import PushMessage
from campaigns.pace import Burst, Pace
from campaigns.retry import FIRST_WAIT, DeliveryState, Resolution, burns_its_audience, resolve

CHUNK = 50
"""Messages claimed, marked and sent together; a worker has as many in flight for each of its lanes."""
LEASE = timedelta(seconds=60)
"""How long a claim, and then a call, may take before others take over; far above the sender's time-out."""
PROJECT = "push project"
"""The bucket of the Firebase project among those of rate limits; an installation has one project."""
WATCHED = 200
"""Outcomes a worker looks back on to see a jump of unknown ones."""
_RECORD_TRIES = 60

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Campaign:
    """What sending needs of a campaign."""

    campaign_id: int
    content: Content
    policy: Policy
    revision: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one attempt holds: the messages to send and, by delivery, what was claimed."""

    attempt_id: UUID
    messages: list[PushMessage]
    claimed: dict[int, store.Claimed]


_Sent: TypeAlias = tuple[PushMessage, Outcome]


class Deliveries:
    """The delivery loop's work, one step at a time. Any number of workers and lanes may run it at once."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        sender: PushSender,
        pace: Pace | None = None,
        chunk: int = CHUNK,
        lease: timedelta = LEASE,
        patience: float = 1.0,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._sender = sender
        self._pace = pace
        self._burst: Burst | None = None
        self._unused = 0.0
        self._chunk = chunk
        self._lease = lease
        self._patience = patience
        self._watched: dict[tuple[int, int], deque[bool]] = {}

    async def deliver(self) -> int:
        """Send one chunk of each campaign that is sending; gives how many messages were tried."""
        async with self._pool.acquire() as connection:
            if await store.read_hold(connection, now=self._clock.now()):
                return 0
            active = await campaign_store.list_active(connection)
        tried = 0
        for row in active:
            if row["state"] == State.SENDING:
                tried += await self._deliver_chunk(_campaign(row))
        return tried

    async def _deliver_chunk(self, campaign: _Campaign) -> int:
        allowed = await self._draw()
        if not allowed:
            return 0
        chunk = await self._claim(campaign, limit=allowed)
        messages = await self._mark(campaign, chunk) if chunk is not None and chunk.messages else []
        self._unused += allowed - len(messages)
        if chunk is None or not messages:
            return 0
        self._burst = self._burst_at(self._clock.now())
        outcomes = await self._sender.send(messages)
        await self._record_surely(campaign, chunk, list(zip(messages, outcomes, strict=True)))
        return len(messages)

    async def _draw(self) -> int:
        """How many messages may go out now: the share of this call in the project's pace, which all workers keep together.

        What is not used is given back with the next draw.
        """
        if self._pace is None:
            return self._chunk
        now, given_back, self._unused = self._clock.now(), self._unused, 0.0
        sending = self._burst_at(now).lasted
        async with self._pool.acquire() as connection:
            granted, _ = await rates.take(
                connection,
                subject=PROJECT,
                owed=-given_back,
                want=self._chunk,
                per_minute=self._pace.after(sending),
                most=self._pace.at_once(sending),
                now=now,
            )
        self._unused += granted - int(granted)
        return int(granted)

    def _burst_at(self, now: datetime) -> Burst:
        """The burst that a message sent now belongs to; asking alone is no sending."""
        return Burst(now, now) if self._burst is None else self._burst.at(now)

    async def _claim(self, campaign: _Campaign, *, limit: int) -> _Chunk | None:
        now, attempt_id = self._clock.now(), uuid4()
        async with self._pool.acquire() as connection, connection.transaction():
            if await campaign_store.share(connection, campaign_id=campaign.campaign_id) is not State.SENDING:
                return None
            rules = (await shop_store.read_settings(connection)).sending
            claimed = await store.claim(
                connection,
                campaign_id=campaign.campaign_id,
                limit=limit,
                attempt_id=attempt_id,
                now=now,
                leased_until=now + self._lease,
            )
            if not claimed:
                return None
            await store.lock_people(connection, customer_ids=[row["customer_id"] for row in claimed])
            standing = await store.read_standing(
                connection,
                delivery_ids=[row["delivery_id"] for row in claimed],
                now=now,
                permission_is_consent=rules.consent_rule is ConsentRule.PERMISSION,
            )
            return await self._sort_out(connection, campaign, standing, rules=rules, attempt_id=attempt_id)

    async def _sort_out(
        self,
        connection: Connection,
        campaign: _Campaign,
        standing: Sequence[store.Claimed],
        *,
        rules: SendingRules,
        attempt_id: UUID,
    ) -> _Chunk:
        now = self._clock.now()
        decided = {
            one.delivery_id: prepare(
                one.candidate, campaign_id=campaign.campaign_id, content=campaign.content, rules=rules, now=now
            )
            for one in standing
        }
        stopped = [store.put_back_for(one, stop) for one, stop in decided.items() if isinstance(stop, Stop)]
        await store.put_back(connection, stopped, attempt_id=attempt_id, now=now)
        return _Chunk(
            attempt_id=attempt_id,
            messages=[ready for ready in decided.values() if isinstance(ready, PushMessage)],
            claimed={one.delivery_id: one for one in standing},
        )

    async def _mark(self, campaign: _Campaign, chunk: _Chunk) -> list[PushMessage]:
        """Commit that these are about to be sent; gives those that this attempt still holds."""
        now = self._clock.now()
        ids = [message.delivery_id for message in chunk.messages]
        async with self._pool.acquire() as connection, connection.transaction():
            if await campaign_store.share(connection, campaign_id=campaign.campaign_id) is not State.SENDING:
                planned = [store.PutBack(one, DeliveryState.PLANNED) for one in ids]
                await store.put_back(connection, planned, attempt_id=chunk.attempt_id, now=now)
                return []
            marked = await store.mark_sending(
                connection, delivery_ids=ids, attempt_id=chunk.attempt_id, now=now, leased_until=now + self._lease
            )
        return [message for message in chunk.messages if message.delivery_id in marked]

    async def _record_surely(self, campaign: _Campaign, chunk: _Chunk, sent: list[_Sent]) -> None:
        """Record through an outage of the database; what cannot be kept for a minute is left to `recover`."""
        for left in reversed(range(_RECORD_TRIES)):
            try:
                await self._record(campaign, chunk, sent)
            except OUTAGES as error:
                log.warning("outcomes_not_recorded", error=str(error), messages=len(sent), tries_left=left)
                await asyncio.sleep(self._patience)
            else:
                return

    async def _record(self, campaign: _Campaign, chunk: _Chunk, sent: list[_Sent]) -> None:
        now = self._clock.now()
        resolutions = {
            message.delivery_id: resolve(
                outcome,
                policy=campaign.policy,
                attempts=chunk.claimed[message.delivery_id].attempts + 1,
                jitter=random.random(),  # noqa: S311 - spreads retries, hides nothing
                now=now,
                expires_at=chunk.claimed[message.delivery_id].candidate.expires_at,
            )
            for message, outcome in sent
        }
        gone = {number for number, one in resolutions.items() if one.retire_address}
        async with self._pool.acquire() as connection, connection.transaction():
            state = await campaign_store.share(connection, campaign_id=campaign.campaign_id)
            recorded = await store.record_outcomes(
                connection, resolutions, attempt_id=chunk.attempt_id, campaign_state=state, now=now
            )
            await self._retire(connection, campaign, chunk, [m for m, _ in sent if m.delivery_id in gone & recorded])
            await self._hold(connection, resolutions.values())
        await self._watch(campaign, list(resolutions.values()))

    async def _retire(
        self, connection: Connection, campaign: _Campaign, chunk: _Chunk, messages: Sequence[PushMessage]
    ) -> None:
        for message in messages:
            await retirements.retire(
                connection,
                device_id=chunk.claimed[message.delivery_id].device_id,
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

    async def _watch(self, campaign: _Campaign, resolutions: Sequence[Resolution]) -> None:
        """Pause a campaign whose sends stopped making sense, before it burns its audience."""
        watched = self._watched.setdefault((campaign.campaign_id, campaign.revision), deque(maxlen=WATCHED))
        watched.extend(one.state is DeliveryState.UNKNOWN for one in resolutions)
        reason = next((one.pause for one in resolutions if one.pause), None)
        if reason is None and burns_its_audience(sent=len(watched), unknown=sum(watched)):
            reason = "unknown_outcomes"
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

    async def recover(self) -> int:
        """Take over what vanished workers left, end what waited too long, finish campaigns; gives the rows taken over."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                back, lost = await store.recover(connection, now=now, surely_again_at=now + FIRST_WAIT)
            active = await campaign_store.list_active(connection)
        for row in active:
            await self._expire_and_finish(row, now)
        live = {(row["campaign_id"], row["revision"]) for row in active}
        self._watched = {key: value for key, value in self._watched.items() if key in live}
        if back or lost:
            log.warning("sends_recovered", not_sent=back, unknown=len(lost), campaigns=sorted(set(lost)))
        return back + len(lost)

    async def _expire_and_finish(self, row: asyncpg.Record, now: datetime) -> None:
        campaign_id = row["campaign_id"]
        async with self._pool.acquire() as connection, connection.transaction():
            if row["expires_at"] <= now:
                await store.expire(connection, campaign_id=campaign_id, now=now)
            if row["state"] != State.SENDING or await store.has_work_left(connection, campaign_id=campaign_id):
                return
            held = await campaign_store.lock(connection, campaign_id=campaign_id)
            if held is not None and held["state"] == State.SENDING:
                state = next_state(State.SENDING, Action.FINISH)
                await campaign_store.set_state(connection, campaign_id=campaign_id, state=state, now=now)


def _campaign(row: asyncpg.Record) -> _Campaign:
    return _Campaign(
        row["campaign_id"], campaign_store.read_content(row["content"]), Policy(row["policy"]), row["revision"]
    )
