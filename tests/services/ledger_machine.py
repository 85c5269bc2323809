"""Campaigns, people and workers to whom anything may happen, in any order: everybody stands in one place, and nobody gets anything twice."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from backend.errors import Conflict
from backend.services.campaign_desk.reports import read_ledger
from backend.services.deliveries import Deliveries
from backend.store.pool import open_pool
from campaigns.campaign import Devices, Policy, Priority, State
from campaigns.delivery import Accepted, Outcome, Refusal, Refused, Unknown
from campaigns.entries import Entry
from campaigns.message import PushMessage
from campaigns.report import People
from campaigns.standing import people_of
from tests.fixtures.shop_floor import ShopFloor

T = TypeVar("T")
ANSWERS: dict[str, Outcome] = {
    "accepted": Accepted("x"),
    "quota": Refused(Refusal.QUOTA, timedelta(seconds=20)),
    "not_sent": Refused(Refusal.NOT_SENT),
    "malformed": Refused(Refusal.INVALID_ARGUMENT),
    "gone": Refused(Refusal.UNREGISTERED),
    "credentials": Refused(Refusal.AUTH),
    "unknown": Unknown("timeout"),
}
MAYBE_SENT = (Accepted, Unknown)
ALONE = 5
"""People that one person may decide about."""
_EMPTY = """TRUNCATE campaign_people, campaign_occurrences, campaign_tests, waiting_launches, deliveries, send_attempts, send_hold, consents,
    devices, event_log CASCADE"""


@dataclass(frozen=True)
class Try:
    """One message that a service saw."""

    campaign_id: int
    message_id: str
    customer_id: int
    address: str
    at: datetime
    maybe_sent: bool


class Ledger(RuleBasedStateMachine):
    """Campaigns of one shop with caps of one push in 24 hours and two in 7 days."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.tries: list[Try] = []
        self.campaigns: dict[int, tuple[Priority, Policy]] = {}
        self.ended: dict[int, int] = {}
        self.allowed: dict[int, int] = {}
        self.one_by_one: list[int] = []
        self.ids: list[int] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        self.pool = await open_pool(self.dsn)
        await self.pool.execute(_EMPTY)
        await self.pool.execute("UPDATE campaigns SET state = 'cancelled'")
        self.floor = ShopFloor(self.pool)
        self.floor.clock.advance(timedelta(minutes=5))
        await self.floor.settings(cap_24h=1, cap_7d=2, approval_above=ALONE)
        self.answer = "accepted"
        self.floor.sender.answer = self._answer
        self.worker = Deliveries(self.pool, self.floor.clock, sender=self.floor.sender, chunk=3, patience=0)
        self.ids = await self.floor.people(4)
        for name in ("one", "two"):
            number = await self.floor.launched(f"{id(self)} {name}")
            self.campaigns[number] = (Priority.NORMAL, Policy.ONCE)
            self.one_by_one.append(number)

    def _answer(self, message: PushMessage) -> Outcome:
        outcome = ANSWERS[self.answer]
        number, customer = int(message.data["campaign_id"]), int(message.address.split("-")[1])
        self.tries.append(
            Try(
                campaign_id=number,
                message_id=message.data["message_id"],
                customer_id=customer,
                address=message.address,
                at=self.floor.clock.now(),
                maybe_sent=isinstance(outcome, MAYBE_SENT),
            )
        )
        return outcome

    @precondition(lambda self: len(self.ids) < 8)
    @rule(count=st.integers(1, 4), consent=st.booleans(), phones=st.integers(0, 2))
    def join(self, count: int, consent: bool, phones: int) -> None:
        self.ids += self.run(self.floor.people(count, consent=consent, phones=phones))

    @precondition(lambda self: self.ids and len(self.campaigns) < 4)
    @rule(
        priority=st.sampled_from(Priority),
        policy=st.sampled_from(Policy),
        devices=st.sampled_from(Devices),
        holdout=st.sampled_from([0.0, 30.0]),
    )
    def launch(self, priority: Priority, policy: Policy, devices: Devices, holdout: float) -> None:
        name = f"{id(self)} {len(self.campaigns)}"
        number = self.run(
            self._launched(name, priority=priority, policy=policy, devices=devices, holdout_percent=holdout)
        )
        self.campaigns[number] = (priority, policy)
        self.one_by_one.append(number)

    async def _launched(self, name: str, **changes: Any) -> int:
        """Sending, by the word of a second person where it is for many."""
        made = (await self.floor.campaign(name, **changes)).summary
        number = made.campaign_id
        asked = await self.floor.desk.send_now(number, revision=made.revision, by="test")
        if asked.summary.state is State.AWAITING_APPROVAL:
            await self.floor.desk.approve(number, by="ken")
            self.allowed[number] = len(self.ids)
        assert await self.floor.runs.launch(number)
        return number

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def deliver(self, answer: str) -> None:
        self.answer = answer
        self.run(self.worker.deliver())

    @rule()
    def deliver_all(self) -> None:
        self.answer = "accepted"
        self.run(self.floor.drain())

    @rule(sent=st.booleans())
    def lose_a_worker(self, sent: bool) -> None:
        """It dies before or after the call."""
        self.answer = "accepted"

        class Lost(Deliveries):
            async def _call(self, chunk: Any) -> Any:
                if sent:
                    await super()._call(chunk)
                raise ConnectionAbortedError

        async def die() -> None:
            with suppress(ConnectionAbortedError):
                await Lost(self.pool, self.floor.clock, sender=self.floor.sender, chunk=2).deliver()

        self.run(die())

    @rule(seconds=st.sampled_from([11, 61, 3600, 25 * 3600]))
    def pass_time(self, seconds: int) -> None:
        self.floor.clock.advance(timedelta(seconds=seconds))

    @rule()
    def recover(self) -> None:
        self.run(self.worker.recover())

    @precondition(lambda self: self.campaigns)
    @rule(data=st.data(), act=st.sampled_from(["pause", "resume", "cancel"]))
    def decide(self, data: st.DataObject, act: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.campaigns)))
        try:
            self.run(getattr(self.floor.desk, act)(number, by="me"))
        except Conflict:
            return
        if act == "cancel":
            self.ended[number] = len(self.tries)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), granted=st.booleans())
    def say(self, data: st.DataObject, granted: bool) -> None:
        self.run(self.floor.consent([data.draw(st.sampled_from(self.ids))], granted=granted))

    @precondition(lambda self: self.ids and self.one_by_one)
    @rule(data=st.data(), occurrence=st.integers(2, 3))
    def enter(self, data: st.DataObject, occurrence: int) -> None:
        """Somebody's turn comes once more, by an event that is told twice."""
        number, who = data.draw(st.sampled_from(self.one_by_one)), data.draw(st.sampled_from(self.ids))
        if number in self.ended or self.run(self.floor.state(number)) not in ("sending", "paused"):
            return
        entries = [Entry(customer_id=who, occurrence=occurrence, planned_at=self.floor.clock.now())]

        async def plan() -> list[Any]:
            async with self.pool.acquire() as connection, connection.transaction():
                return await self.floor.runs.plan_entries(
                    connection, campaign_id=number, version=1, step=0, entries=entries
                )

        assert self.run(plan()) == self.run(plan())

    @invariant()
    def people_add_up(self) -> None:
        for number in self.campaigns:
            people = self.run(self._people(number))
            parts = (people.control, people.waiting, people.in_flight, people.accepted, people.failed, people.unknown)
            whole = sum(parts) + people.cancelled + people.expired + people.left_out_total
            rows = self.run(self.pool.fetchval("SELECT count(*) FROM campaign_people WHERE campaign_id = $1", number))
            assert people.targeted == whole == rows
            assert not (people.waiting and number in self.ended)

    async def _people(self, number: int) -> People:
        standing, _ = await read_ledger(self.pool, number)
        return people_of(standing.lazy())

    @invariant()
    def devices_belong_to_people_who_were_handed_over(self) -> None:
        if not hasattr(self, "pool"):
            return
        odd = self.run(
            self.pool.fetchval(
                """SELECT count(*) FROM deliveries AS d FULL JOIN campaign_people AS p USING (customer_id, campaign_id, occurrence, step)
                   WHERE (d.delivery_id IS NOT NULL) IS DISTINCT FROM (p.state = 'handed' AND p.arm = 'treated')
                     AND (d.delivery_id IS NOT NULL OR p.state = 'handed')"""
            )
        )
        assert odd == 0

    @invariant()
    def nobody_gets_a_push_twice_under_once(self) -> None:
        for number, (_, policy) in self.campaigns.items():
            if policy is Policy.ONCE:
                mine = [one for one in self.tries if one.campaign_id == number and one.maybe_sent]
                assert len({(one.message_id, one.address) for one in mine}) == len(mine)

    @invariant()
    def the_cap_holds(self) -> None:
        """Before a normal push nobody got another campaign's, service notices aside, within 24 hours."""
        counted = [
            one for one in self.tries if one.maybe_sent and self.campaigns[one.campaign_id][0] is not Priority.SERVICE
        ]
        for place, one in enumerate(counted):
            others = [
                other
                for other in counted[:place]
                if other.customer_id == one.customer_id
                and other.campaign_id != one.campaign_id
                and other.at > one.at - timedelta(hours=24)
            ]
            assert not others or self.campaigns[one.campaign_id][0] is Priority.HIGH

    @invariant()
    def nothing_goes_out_after_a_cancel(self) -> None:
        for number, so_far in self.ended.items():
            assert all(one.campaign_id != number for one in self.tries[so_far:])

    def teardown(self) -> None:
        if hasattr(self, "pool"):
            self.run(self.pool.close())
        self.loop.close()
