"""Sends what is due: claim, check once more under lock and mark in one transaction; call; record. Takes over from the dead.

No message is sent whose mark was not committed before, and no call is made inside a transaction. A crash
leaves one of two things: people who were not claimed, surely not sent, or rows marked as sending, whose outcome nobody knows.
Policy *once* then loses at most what a worker has in flight (`CHUNK` a lane), *surely* repeats at most that.

Workers' clocks must agree to within a few seconds: leases are compared with the clock handed in.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import structlog

from backend.clock import Clock
from backend.services.deliveries.allowance import Allowance
from backend.store import campaign_drafts, retirements
from backend.store import campaigns as campaign_store
from backend.store import deliveries as store
from backend.store import shop as shop_store
from backend.store.outages import OUTAGES
from backend.store.pool import Connection
from campaigns.campaign import Action, Devices, Draft, Policy, State, next_state
from campaigns.delivery import Outcome, PushSender, Refusal, Refused
from campaigns.dispatch import Stop, prepare
from campaigns.gates import SendingRules, Terms
from campaigns.message import PushMessage
from campaigns.pace import Pace
from campaigns.retry import FIRST_WAIT, Resolution, jump, resolve
from campaigns.trigger import SET_BASED, Kind

CHUNK = 100
"""Messages claimed, marked and sent together; a worker has as many in flight for each of its lanes."""
LEASE = timedelta(seconds=60)
"""How long a claim, and then a call, may take before others take over; far above the sender's time-out."""
WATCHED = 200
"""Outcomes a worker looks back on to see a jump of one kind."""
_RECORD_TRIES = 60

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Campaign:
    """What sending needs of a campaign."""

    campaign_id: int
    policy: Policy
    revision: int
    rate_per_minute: int | None
    for_many: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one attempt holds: the messages to send, until when, and, by delivery, what was claimed; ``worked`` counts all of that."""

    attempt_id: UUID
    leased_until: datetime
    messages: list[PushMessage]
    claimed: dict[int, store.Claimed]
    worked: int


_Sent: TypeAlias = tuple[PushMessage, Outcome]
_Decided: TypeAlias = tuple[store.Claimed, PushMessage | Stop]


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
        self._allowance = Allowance(pool, clock, pace=pace)
        self._chunk = chunk
        self._lease = lease
        self._patience = patience
        self._drafts: dict[tuple[int, int], Draft] = {}
        self._watched: dict[tuple[int, int], deque[Resolution]] = {}

    async def deliver(self) -> int:
        """Send one chunk of each campaign that is sending; gives how many people or devices were decided about."""
        async with self._pool.acquire() as connection:
            now = self._clock.now()
            if await store.read_hold(connection, now=now):
                return 0
            active = await campaign_store.list_active(connection, now=now)
        worked = 0
        for row in active:
            if row["state"] == State.SENDING and row["due"]:
                worked += await self._deliver_chunk(_campaign(row))
        return worked

    async def _deliver_chunk(self, campaign: _Campaign) -> int:
        limits = self._allowance.limits(
            campaign.campaign_id, rate_per_minute=campaign.rate_per_minute, for_many=campaign.for_many
        )
        allowed = await self._allowance.draw(limits, self._chunk)
        if not allowed:
            return 0
        chunk = await self._claim(campaign, limit=allowed)
        self._allowance.give_back(limits, allowed - (len(chunk.messages) if chunk else 0))
        if chunk is None:
            return 0
        if chunk.messages:
            self._allowance.sent(for_many=campaign.for_many)
            await self._record_surely(campaign, chunk, await self._call(chunk))
        return chunk.worked

    async def _call(self, chunk: _Chunk) -> list[_Sent]:
        """Send; but nothing whose lease has run out since the mark: others may have taken over."""
        if self._clock.now() < chunk.leased_until:
            outcomes = await self._sender.send(chunk.messages)
        else:
            outcomes = [Refused(Refusal.NOT_SENT, detail="the lease had run out")] * len(chunk.messages)
        return list(zip(chunk.messages, outcomes, strict=True))

    async def _claim(self, campaign: _Campaign, *, limit: int) -> _Chunk | None:
        """Take what is due, look once more, and commit that it is about to be sent; None where nothing is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock.now()
            held = await campaign_store.share(connection, campaign_id=campaign.campaign_id, now=now)
            if held["state"] != State.SENDING:
                return None
            claim = store.claim_again if held["again"] else store.claim_people
            claimed = await claim(connection, campaign_id=campaign.campaign_id, limit=limit, now=now)
            if not claimed:
                return None
            await store.lock_people(connection, customer_ids=[row["customer_id"] for row in claimed])
            rules = (await shop_store.read_settings(connection)).sending
            decided: list[_Decided] = []
            for version in sorted({row["version"] for row in claimed}):
                rows = [row for row in claimed if row["version"] == version]
                draft = await self._draft(connection, campaign, version)
                decided += await self._decide(connection, campaign, rows, draft, rules=rules, salt=held["salt"])
            return await self._mark(connection, campaign, decided, limit=limit)

    async def _draft(self, connection: Connection, campaign: _Campaign, version: int) -> Draft:
        """The version of a campaign that somebody entered: it never changes."""
        key = campaign.campaign_id, version
        if key not in self._drafts:
            self._drafts[key] = await campaign_drafts.read_version(connection, campaign_id=key[0], version=version)
        return self._drafts[key]

    async def _decide(
        self,
        connection: Connection,
        campaign: _Campaign,
        claimed: Sequence[asyncpg.Record],
        draft: Draft,
        *,
        rules: SendingRules,
        salt: str,
    ) -> list[_Decided]:
        """Look at the people of one version once more, as they stand now that they are held."""
        now, terms = self._clock.now(), Terms.of(draft, salt=salt)
        standing = await store.read_standing(
            connection,
            claimed,
            campaign_id=campaign.campaign_id,
            now=now,
            rules=rules,
            terms=terms,
            all_devices=draft.devices is Devices.ALL,
        )
        return [
            (
                one,
                prepare(
                    one.candidate,
                    campaign_id=campaign.campaign_id,
                    content=draft.content_at(one.step, one.variant),
                    rules=rules,
                    terms=terms,
                    now=now,
                ),
            )
            for one in standing
        ]

    async def _mark(
        self, connection: Connection, campaign: _Campaign, decided: Sequence[_Decided], *, limit: int
    ) -> _Chunk:
        """Write what was decided: who goes out now, whose device waits for its turn, who gets nothing."""
        now, attempt_id = self._clock.now(), uuid4()
        leased_until = now + self._lease
        ready = {one.delivery_id: (one, message) for one, message in decided if isinstance(message, PushMessage)}
        reached = {one.person for one, _ in ready.values()}
        stopped = {
            (one.person, one.again and one.delivery_id): (one, stop)
            for one, stop in decided
            if isinstance(stop, Stop) and (one.again or one.person not in reached)
        }
        if stopped:
            await store.stop(connection, list(stopped.values()), campaign_id=campaign.campaign_id, now=now)
        going: set[int] = set()
        for again in {one.again for one, _ in ready.values()}:
            write = partial(store.mark_again) if again else partial(store.hand_over, going=limit)
            going = await write(
                connection,
                [one for one, _ in ready.values()],
                campaign_id=campaign.campaign_id,
                attempt_id=attempt_id,
                now=now,
                leased_until=leased_until,
            )
        return _Chunk(
            attempt_id=attempt_id,
            leased_until=leased_until,
            messages=[message for number, (_, message) in ready.items() if number in going],
            claimed={number: one for number, (one, _) in ready.items()},
            worked=len(decided),
        )

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
        if all(one.is_plain for one in resolutions.values()):
            await self._record_plainly(chunk, resolutions, now)
        else:
            await self._record_wholly(campaign, chunk, sent, resolutions, now)
        await self._watch(campaign, list(resolutions.values()))

    async def _record_plainly(self, chunk: _Chunk, resolutions: dict[int, Resolution], now: datetime) -> None:
        """Most chunks: one statement, which asks for nothing but its own rows."""
        async with self._pool.acquire() as connection:
            await store.record_outcomes(
                connection, resolutions, attempt_id=chunk.attempt_id, campaign_state=State.SENDING, now=now
            )

    async def _record_wholly(
        self,
        campaign: _Campaign,
        chunk: _Chunk,
        sent: list[_Sent],
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
        self, connection: Connection, campaign: _Campaign, chunk: _Chunk, messages: Sequence[PushMessage]
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

    async def _watch(self, campaign: _Campaign, resolutions: Sequence[Resolution]) -> None:
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

    async def recover(self) -> int:
        """Take over what vanished workers left, end what waited too long, finish campaigns; gives the rows taken over."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                lost = await store.recover(connection, now=now, surely_again_at=now + FIRST_WAIT)
            active = await campaign_store.list_active(connection, now=now)
        for row in active:
            await self._expire_and_finish(row, now)
        live = {(row["campaign_id"], row["revision"]) for row in active}
        self._watched = {key: value for key, value in self._watched.items() if key in live}
        if lost:
            log.warning("sends_recovered", unknown=len(lost), campaigns=sorted(set(lost)))
        return len(lost)

    async def _expire_and_finish(self, row: asyncpg.Record, now: datetime) -> None:
        campaign_id = row["campaign_id"]
        async with self._pool.acquire() as connection, connection.transaction():
            if row["expires_at"] is not None and row["expires_at"] <= now:
                await store.expire(connection, campaign_id=campaign_id, now=now)
            over = row["kind"] == "once" or (row["kind"] in ("recurring", "date") and row["next_at"] is None)
            ends = row["state"] == State.SENDING and over
            if not ends or await store.has_work_left(connection, campaign_id=campaign_id):
                return
            held = await campaign_store.lock(connection, campaign_id=campaign_id)
            if held is not None and held["state"] == State.SENDING:
                state = next_state(State.SENDING, Action.FINISH)
                await campaign_store.set_state(connection, campaign_id=campaign_id, state=state, now=now)


def _campaign(row: asyncpg.Record) -> _Campaign:
    return _Campaign(
        row["campaign_id"],
        Policy(row["policy"]),
        row["revision"],
        rate_per_minute=row["rate_per_minute"],
        for_many=Kind(row["kind"]) in SET_BASED,
    )
