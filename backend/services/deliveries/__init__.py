"""Sends what is due: claim, check once more under lock and mark in one transaction; call; record. Takes over from the dead.

No message is sent whose mark was not committed before, and no call is made inside a transaction. A crash
leaves one of two things: people who were not claimed, surely not sent, or rows marked as sending, whose outcome nobody knows.
Policy *once* then loses at most what a worker has in flight (`CHUNK` a lane), *surely* repeats at most that.

Workers' clocks must agree to within a few seconds: leases are compared with the clock handed in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import structlog

from backend.clock import Clock
from backend.services.deliveries.allowance import Allowance
from backend.services.deliveries.chunks import Chunk, Sending, Sent, sending_of
from backend.services.deliveries.outcomes import Outcomes
from backend.store import campaign_drafts
from backend.store import campaigns as campaign_store
from backend.store import deliveries as store
from backend.store import shop as shop_store
from backend.store.pool import Connection
from campaigns.campaign import Action, Devices, Draft, Policy, State, next_state
from campaigns.delivery import PushSender, Refusal, Refused
from campaigns.dispatch import Stop, prepare
from campaigns.message import PushMessage
from campaigns.pace import Pace
from campaigns.retry import FIRST_WAIT
from campaigns.terms import SendingRules, Terms

CHUNK = 100
"""Messages claimed, marked and sent together; a worker has as many in flight for each of its lanes."""
LEASE = timedelta(seconds=60)
"""How long a claim, and then a call, may take before others take over; far above the sender's time-out."""

log = structlog.get_logger()


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
        self._outcomes = Outcomes(pool, clock, patience=patience)
        self._drafts: dict[tuple[int, int], Draft] = {}

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
                worked += await self._deliver_chunk(sending_of(row))
        return worked

    async def _deliver_chunk(self, campaign: Sending) -> int:
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
            await self._outcomes.record_surely(campaign, chunk, await self._call(chunk))
        return chunk.worked

    async def _call(self, chunk: Chunk) -> list[Sent]:
        """Send; but nothing whose lease has run out since the mark: others may have taken over."""
        if self._clock.now() < chunk.leased_until:
            outcomes = await self._sender.send(chunk.messages)
        else:
            outcomes = [Refused(Refusal.NOT_SENT, detail="the lease had run out")] * len(chunk.messages)
        return list(zip(chunk.messages, outcomes, strict=True))

    async def _claim(self, campaign: Sending, *, limit: int) -> Chunk | None:
        """Take what is due, look once more, and commit that it is about to be sent; None where nothing is due."""
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock.now()
            held = await campaign_store.share(connection, campaign_id=campaign.campaign_id, now=now)
            if held["state"] != State.SENDING:
                return None
            claimed = await _due(connection, campaign.campaign_id, held, limit=limit, now=now)
            if not claimed:
                return None
            await store.lock_people(connection, customer_ids=[row["customer_id"] for row in claimed])
            rules = (await shop_store.read_settings(connection)).sending
            decided: list[_Decided] = []
            policies: dict[int, Policy] = {}
            for version in sorted({row["version"] for row in claimed}):
                rows = [row for row in claimed if row["version"] == version]
                draft = await self._draft(connection, campaign, version)
                policies[version] = draft.policy
                decided += await self._decide(connection, campaign, rows, draft, rules=rules, salt=held["salt"])
            return await self._mark(connection, campaign, decided, policies, limit=limit)

    async def _draft(self, connection: Connection, campaign: Sending, version: int) -> Draft:
        """The version of a campaign that somebody entered: it never changes."""
        key = campaign.campaign_id, version
        if key not in self._drafts:
            self._drafts[key] = await campaign_drafts.read_version(connection, campaign_id=key[0], version=version)
        return self._drafts[key]

    async def _decide(
        self,
        connection: Connection,
        campaign: Sending,
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
        self,
        connection: Connection,
        campaign: Sending,
        decided: Sequence[_Decided],
        policies: Mapping[int, Policy],
        *,
        limit: int,
    ) -> Chunk:
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
        return Chunk(
            attempt_id=attempt_id,
            leased_until=leased_until,
            messages=[message for number, (_, message) in ready.items() if number in going],
            claimed={number: one for number, (one, _) in ready.items()},
            policies=policies,
            worked=len(decided),
        )

    async def recover(self) -> int:
        """Take over what vanished workers left, end what waited too long, finish campaigns; gives the rows taken over."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                lost = await store.recover(connection, now=now, surely_again_at=now + FIRST_WAIT)
            active = await campaign_store.list_active(connection, now=now)
        for row in active:
            await self._expire_and_finish(row, now)
        self._outcomes.forget_all_but({(row["campaign_id"], row["revision"]) for row in active})
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


async def _due(
    connection: Connection, campaign_id: int, held: asyncpg.Record, *, limit: int, now: datetime
) -> list[asyncpg.Record]:
    """Devices to try again, else people; those who wait for the winner of a test come after its decision, and last."""
    claim = store.claim_again if held["again"] else store.claim_people
    claimed = await claim(connection, campaign_id=campaign_id, limit=limit, now=now)
    if claimed or held["again"] or not held["decided"]:
        return claimed
    return await store.claim_rest(connection, campaign_id=campaign_id, limit=limit, now=now, winner=held["winner"])
