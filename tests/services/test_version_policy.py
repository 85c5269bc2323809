"""People under way finish on the policy of the version that they entered, whatever is published in the meantime."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from campaigns.campaign import Content, Policy, Text
from campaigns.delivery import Accepted, Outcome, Unknown
from campaigns.message import PushMessage
from campaigns.trigger import Recurring
from tests.fixtures.shop_floor import NOON, ShopFloor

TEA = Content(ja=Text("お茶", "入荷しました"))
OTHER = {Policy.ONCE: Policy.SURELY, Policy.SURELY: Policy.ONCE}


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(1)
    return floor


async def entered(floor: ShopFloor, policy: Policy) -> int:
    """A campaign whose first launch was planned under one policy, and that has the other one now."""
    trigger = Recurring(rrule="FREQ=WEEKLY", starts_at=NOON)
    number = await floor.launched(trigger=trigger, content=TEA, policy=policy)
    now = await floor.desk.get(number)
    later = replace(now.draft, policy=OTHER[policy])
    assert (await floor.desk.publish(number, later, revision=now.summary.revision, by="test")).summary.version == 2
    return number


@pytest.mark.parametrize(("policy", "state"), [(Policy.ONCE, "unknown"), (Policy.SURELY, "accepted")])
async def test_an_unknown_outcome_leads_to_what_the_own_version_says(
    floor: ShopFloor, policy: Policy, state: str
) -> None:
    answers = iter([Unknown("timeout"), Accepted("late")])
    floor.sender.answer = lambda _: next(answers)
    number = await entered(floor, policy)
    for _ in range(2):
        await floor.drain()
        floor.clock.advance(timedelta(minutes=5))
    assert await floor.states(number) == {state: 1}


@pytest.mark.parametrize(("policy", "state"), [(Policy.ONCE, "unknown"), (Policy.SURELY, "planned")])
async def test_what_a_worker_that_vanished_left_goes_by_its_own_version(
    floor: ShopFloor, policy: Policy, state: str
) -> None:
    number = await entered(floor, policy)

    def vanishes(_: PushMessage) -> Outcome:
        raise KeyboardInterrupt

    floor.sender.answer = vanishes
    with pytest.raises(KeyboardInterrupt):
        await floor.deliveries.deliver()
    await floor.pass_lease()
    assert await floor.deliveries.recover() == 1
    assert await floor.states(number) == {state: 1}
