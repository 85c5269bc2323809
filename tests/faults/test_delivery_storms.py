"""FCM at its worst, and people who change their minds: 429 storms, mass dead addresses, pause, cancel and edit at random.

Short and seeded; ``make prove`` (``JOREN_FAULT_SCALE``) makes rounds of it. Each story also runs with a saboteur.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import Conflict
from backend.services.deliveries import Deliveries
from backend.store import campaigns, retirements
from backend.store import deliveries as store
from campaigns.campaign import Content, Policy, Text
from campaigns.delivery import Accepted, Outcome, Refusal, Refused, Unknown
from campaigns.message import PushMessage
from tests.faults.delivery_process import ignore_states
from tests.faults.figures import SCALE, Figures, note
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault
CHUNK = 20
PEOPLE = 120
SEEDS = range(SCALE)


@dataclass
class Storm:
    """A push service that refuses four in five messages with 429 for five minutes, some with ``Retry-After``."""

    clock: FixedClock
    random: random.Random
    until: datetime
    quiet_until: datetime | None = None
    early: int = 0
    accepted: Counter[str] = field(default_factory=Counter)

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        now = self.clock.now()
        if self.quiet_until is not None and now < self.quiet_until:
            self.early += len(messages)
        return [self._answer(message, now) for message in messages]

    def _answer(self, message: PushMessage, now: datetime) -> Outcome:
        if now >= self.until or self.random.random() > 0.8:
            self.accepted[message.address] += 1
            return Accepted(f"storm/{message.delivery_id}")
        wait = self.random.choice([None, timedelta(seconds=self.random.randint(1, 90))])
        asked = now + (wait or timedelta(seconds=60))
        self.quiet_until = max(self.quiet_until or asked, asked)
        return Refused(Refusal.QUOTA, wait)


async def ride_out(pool: asyncpg.Pool, seed: int) -> tuple[Storm, dict[str, int]]:
    """Three workers through a storm; what the service saw, and the ledger's states."""
    floor = ShopFloor(pool)
    await floor.settings()
    ids = await floor.people(PEOPLE)
    campaign_id = await floor.launched()
    storm = Storm(floor.clock, random.Random(seed), floor.clock.now() + timedelta(minutes=5))
    workers = [Deliveries(pool, floor.clock, sender=storm, chunk=CHUNK) for _ in range(3)]
    for _ in range(400):
        for worker in workers:
            await worker.deliver()
        await workers[0].recover()
        if await floor.state(campaign_id) == "sent":
            break
        floor.clock.advance(timedelta(seconds=10))
    assert len(ids) == PEOPLE
    return storm, await floor.states(campaign_id)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_429_storm_is_waited_out_and_everybody_gets_it_once(pool: asyncpg.Pool, seed: int) -> None:
    storm, states = await ride_out(pool, seed)
    lost, doubled = PEOPLE - len(storm.accepted), storm.accepted.total() - len(storm.accepted)
    note(Figures(fault="F12 429 storm while sending", operations=PEOPLE, faults=1, lost=lost, doubled=doubled))
    assert storm.early == 0
    assert states == {"accepted": PEOPLE}
    assert (lost, doubled) == (0, 0)


async def test_the_story_sees_a_worker_that_does_not_wait(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(store, "extend_hold", never)
    storm, _ = await ride_out(pool, 0)
    assert storm.early > 0


@dataclass
class Silence:
    """A push service that for five minutes takes some messages and says nothing, some not, and cannot be reached by some."""

    clock: FixedClock
    random: random.Random
    until: datetime
    unanswered: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        return [self._answer(message) for message in messages]

    def _answer(self, message: PushMessage) -> Outcome:
        fate = self.random.choice(["took", "took, lost", "500", "no connection"])
        if self.clock.now() >= self.until:
            fate = "took"
        if fate.startswith("took"):
            self.accepted[message.address] += 1
        if fate == "took":
            return Accepted(f"silence/{message.delivery_id}")
        if fate == "no connection":
            return Refused(Refusal.NOT_SENT)
        self.unanswered[message.address] += 1
        return Unknown("connection_lost" if fate == "took, lost" else "http_500")


async def sit_out(pool: asyncpg.Pool, seed: int, policy: Policy) -> tuple[Silence, dict[str, int]]:
    """Two workers, and somebody who resumes what pauses for want of answers; what the service did, and the ledger's states."""
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(PEOPLE)
    campaign_id = await floor.launched(policy=policy)
    silence = Silence(floor.clock, random.Random(seed), floor.clock.now() + timedelta(minutes=5))
    workers = [Deliveries(pool, floor.clock, sender=silence, chunk=CHUNK) for _ in range(2)]
    for _ in range(200):
        for worker in workers:
            await worker.deliver()
        await workers[0].recover()
        if (state := await floor.state(campaign_id)) == "sent":
            break
        if state == "paused":
            await floor.desk.resume(campaign_id, by="me")
        floor.clock.advance(timedelta(seconds=20))
    return silence, await floor.states(campaign_id)


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("seed", SEEDS)
async def test_of_500s_resets_and_lost_answers_each_is_told(pool: asyncpg.Pool, seed: int, policy: Policy) -> None:
    """Under once an answer that is missing ends it; under surely it is tried until there is one, and each doubles at most one."""
    silence, states = await sit_out(pool, seed, policy)
    unknown, doubled = states.get("unknown", 0), sum(count - 1 for count in silence.accepted.values())
    told = {*silence.unanswered} if policy is Policy.ONCE else set()  # under surely nobody stays unknown
    lost = PEOPLE - len({*silence.accepted} | told)
    fault, faults = f"F12 500s, resets and lost answers, policy {policy}", silence.unanswered.total()
    note(Figures(fault=fault, operations=PEOPLE, faults=faults, lost=lost, doubled=doubled, unknown=unknown))
    assert states.get("accepted", 0) + unknown == PEOPLE
    assert lost == 0
    if policy is Policy.ONCE:
        assert (unknown, doubled) == (faults, 0)
        assert set(silence.unanswered.values()) == {1}
    else:
        assert unknown == 0
        assert 0 < doubled <= faults


async def lose_phones(pool: asyncpg.Pool, seed: int) -> tuple[Counter[str], set[str]]:
    """Two campaigns to people of whom three in ten have removed the app: tries by address, and the dead ones."""
    floor, drawn = ShopFloor(pool), random.Random(seed)
    await floor.settings()
    ids = await floor.people(PEOPLE)
    dead = {f"phone-{one}-0" for one in ids if drawn.random() < 0.3}
    floor.sender.answer = lambda m: Refused(Refusal.UNREGISTERED) if m.address in dead else Accepted("x")
    for name in ("First", "Second"):
        await floor.launched(name)
        await floor.drain()
        floor.clock.advance(timedelta(minutes=30))
        await floor.drain()
    return floor.sender.attempts(), dead


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_dead_address_is_tried_once_and_never_again(pool: asyncpg.Pool, seed: int) -> None:
    tries, dead = await lose_phones(pool, seed)
    assert 0.15 * PEOPLE < len(dead) < 0.45 * PEOPLE
    living = [count for address, count in tries.items() if address not in dead]
    lost = 2 * (PEOPLE - len(dead)) - sum(min(count, 2) for count in living)
    doubled = sum(max(0, count - 2) for count in living) + sum(tries[address] - 1 for address in dead)
    fault = "F13 mass UNREGISTERED"
    note(Figures(fault=fault, operations=2 * PEOPLE, faults=len(dead), lost=lost, doubled=doubled))
    assert {tries[address] for address in dead} == {1}
    assert (set(living), lost, doubled) == ({2}, 0, 0)


async def test_the_story_sees_an_address_that_is_not_retired(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(retirements, "retire", never)
    tries, dead = await lose_phones(pool, 0)
    assert max(tries[address] for address in dead) > 1


@dataclass
class Slow:
    """A push service that takes a moment, and remembers what was on its way when."""

    sent: list[PushMessage] = field(default_factory=list)

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        self.sent.extend(messages)
        await asyncio.sleep(0.002)
        return [Accepted("slow") for _ in messages]


async def change_minds(
    pool: asyncpg.Pool, seed: int, *, at_once: bool = False, patience: float = 0.2
) -> tuple[ShopFloor, int, Slow, int]:
    """Three workers send while somebody pauses, resumes, tries to edit, and cancels; gives what went out after the cancel, too."""
    floor, service, drawn = ShopFloor(pool), Slow(), random.Random(seed)
    await floor.settings()
    await floor.people(5 * PEOPLE)
    campaign_id = await floor.launched(content=Content(ja=Text("最初の文", "本文")))
    over = asyncio.Event()

    async def work() -> None:
        worker = Deliveries(pool, floor.clock, sender=service, chunk=CHUNK)
        while not over.is_set():
            await worker.deliver() or await asyncio.sleep(0.001)

    workers = [asyncio.create_task(work()) for _ in range(3)]
    for act in () if at_once else _acts(drawn):
        await asyncio.sleep(drawn.random() * 0.02)
        with suppress(Conflict):
            await getattr(floor.desk, act)(campaign_id, by="me")
        detail = await floor.desk.get(campaign_id)
        with pytest.raises(Conflict):
            await floor.desk.edit(campaign_id, detail.draft, revision=detail.summary.revision, by="me")
    async with asyncio.timeout(60):
        while not service.sent:  # noqa: ASYNC110 - it looks on from outside
            await asyncio.sleep(0.001)
    await floor.desk.cancel(campaign_id, by="me")
    before = len(service.sent)
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while len(service.sent) - before <= 3 * CHUNK:  # noqa: ASYNC110 - it looks on from outside
                await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*workers)
    return floor, campaign_id, service, len(service.sent) - before


def _acts(drawn: random.Random) -> Iterator[str]:
    for _ in range(drawn.randint(1, 2)):
        yield "pause"
        yield "resume"


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_cancel_no_more_goes_out_than_was_in_flight(pool: asyncpg.Pool, seed: int) -> None:
    floor, campaign_id, service, after = await change_minds(pool, seed)
    assert after <= 3 * CHUNK
    assert {message.title for message in service.sent} == {"最初の文"}
    people = (await floor.desk.report(campaign_id)).people
    lost = 5 * PEOPLE - people.accepted - people.cancelled
    doubled = len(service.sent) - len({message.address for message in service.sent})
    fault = "F14 pause, edit, cancel at random"
    note(Figures(fault=fault, operations=5 * PEOPLE, faults=1, lost=lost, doubled=doubled))
    assert (people.accepted, lost, doubled) == (len(service.sent), 0, 0)


async def test_the_story_sees_a_worker_that_does_not_ask(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "share", campaigns.share)
    monkeypatch.setattr(campaigns, "list_active", campaigns.list_active)
    monkeypatch.setattr(store, "_SQL", dict(store._SQL) | {"cancel_people": "SELECT $1::int, $2::timestamptz"})
    ignore_states()
    listed = campaigns.list_active

    async def as_if_sending(connection: asyncpg.Connection, *, now: datetime) -> list[dict[str, object]]:
        rows = await listed(connection, now=now)
        seen.update({row["campaign_id"]: dict(row) | {"state": "sending", "due": True} for row in rows})
        return list(seen.values())

    seen: dict[int, dict[str, object]] = {}
    monkeypatch.setattr(campaigns, "list_active", as_if_sending)
    *_, after = await change_minds(pool, 0, at_once=True, patience=30)
    assert after > 3 * CHUNK
