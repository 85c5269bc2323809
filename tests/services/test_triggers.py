"""What begins a campaign for a person, and what does not: each cause once, whoever dies while it is read."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from campaigns.campaign import Draft
from campaigns.steps import GiveCoupon, Send, Wait
from campaigns.trigger import OnEvent, OnSegment, Reentry
from tests.fixtures.journey_stage import HELLO, LAUNCHED, NOON, Died, Stage
from tests.services.keeping import turned

ORDERED = "Order Completed"


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    made = Stage(pool)
    await made.people("a", "b")
    await made.happened("a", "Application Opened")
    await made.begin()
    return made


async def test_an_event_lets_its_person_in_once_and_old_ones_nobody(stage: Stage) -> None:
    await stage.campaign(trigger=LAUNCHED)
    await stage.settle()
    assert await stage.stands() == [], "what happened before anybody listened"
    await stage.happened("b", "Application Opened")
    await stage.happened("b", "Application Opened", at=NOON - timedelta(minutes=61))
    await stage.happened("a", "Application Opened", at=NOON - timedelta(minutes=61))
    await stage.happened("a", "Screen Viewed")
    await stage.happened("nobody", "Application Opened")
    await stage.settle()
    assert await stage.sent() == [(2, 0, 1)]
    assert await stage.stands() == [(2, 1, "left", "finished")]


async def test_filters_mean_what_they_mean_in_segments(stage: Stage) -> None:
    await stage.campaign("big", trigger=OnEvent(event=ORDERED, where={"amount": {">=": 5000}, "store": "S1"}))
    await stage.campaign("tea", trigger=OnEvent(event=ORDERED, where={"category": ["tea"]}))
    await stage.campaign("no tea", trigger=OnEvent(event=ORDERED, where={"category": {"not_in": ["tea"]}}))
    lines = [{"product_id": "P", "category": "tea", "price": 10}, {"product_id": "Q", "category": "cake", "price": 9}]
    await stage.happened("a", ORDERED, order_id="1", total=6000, currency="JPY", store_id="S1", products=lines)
    await stage.happened("b", ORDERED, order_id="2", total=4999, currency="JPY", store_id="S1", products=lines[1:])
    await stage.settle()
    rows = await stage.pool.fetch("SELECT campaign_id, customer_id FROM journey_entries ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [(1, 1), (2, 1), (3, 2)]


async def test_an_order_that_is_reported_twice_begins_one_thing(stage: Stage) -> None:
    await stage.campaign(trigger=OnEvent(event=ORDERED))
    for _ in range(2):
        await stage.happened("a", ORDERED, order_id="1", total=100, currency="JPY")
        await stage.settle()
    assert len(await stage.sent()) == 1
    await stage.happened("a", ORDERED, order_id="2", total=100, currency="JPY")
    await stage.settle()
    assert len(await stage.sent()) == 2


async def test_what_a_stranger_could_make_up_gives_nothing_away(stage: Stage) -> None:
    await stage.pool.execute("INSERT INTO sources (name, kind) VALUES ('app', 'app')")
    await stage.campaign("thanks", trigger=OnEvent(event=ORDERED))
    await stage.campaign("gift", trigger=OnEvent(event=ORDERED), steps=(GiveCoupon(coupon_id="C"),))
    told: dict[str, Any] = {"source": "app", "trusted": False, "total": 100, "currency": "JPY"}
    await stage.happened("a", ORDERED, order_id="1", **told)
    await stage.settle()
    assert await stage.pool.fetchval("SELECT array_agg(campaign_id) FROM journey_entries") == [1]
    await stage.happened("b", ORDERED, order_id="2", total=100, currency="JPY")
    await stage.happened("a", ORDERED, order_id="3", **told)
    await stage.settle()
    rows = await stage.pool.fetch("SELECT campaign_id, customer_id FROM journey_entries ORDER BY entry_id")
    assert [tuple(row) for row in rows] == [(1, 1), (1, 2), (2, 2)], "the shop's word stands: the app's steps back"


@pytest.mark.parametrize(
    ("reentry", "entered"),
    [(Reentry(), 3), (Reentry(mode="never"), 1), (Reentry(mode="after", days=2), 2)],
)
async def test_entering_again_is_the_campaigns_to_decide(stage: Stage, reentry: Reentry, entered: int) -> None:
    await stage.campaign(trigger=LAUNCHED, reentry=reentry)
    for _ in range(3):
        await stage.happened("a", "Application Opened")
        await stage.settle()
        await stage.later(days=1.2)
    assert len(await stage.stands()) == entered


async def test_nobody_is_in_a_journey_twice_at_a_time(stage: Stage) -> None:
    await stage.campaign(trigger=LAUNCHED, steps=(Wait(time=timedelta(days=1)), Send(content=HELLO)))
    for _ in range(3):
        await stage.happened("a", "Application Opened")
        await stage.later(minutes=1)
    assert len(await stage.stands()) == 1
    await stage.later(days=1)
    await stage.happened("a", "Application Opened")
    await stage.settle()
    assert [state for _, _, state, _ in await stage.stands()] == ["left", "waiting"]


async def test_paused_cancelled_and_ended_campaigns_let_nobody_in(stage: Stage) -> None:
    await stage.campaign("paused", state="paused")
    await stage.campaign("cancelled", state="cancelled")
    await stage.campaign("over", trigger=OnEvent(event="Application Opened", until=NOON + timedelta(minutes=1)))
    await stage.campaign("later", trigger=OnEvent(event="Application Opened", delay=timedelta(hours=2)))
    stage.clock.advance(timedelta(minutes=2))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    assert await stage.stands() == [(1, 0, "waiting", None)]
    assert await stage.sent() == []
    await stage.later(hours=2)
    assert await stage.sent() == [(1, 0, 1)]


async def test_a_segment_is_a_further_condition(stage: Stage) -> None:
    segment = await _segment(stage, members=[2])
    await stage.campaign(segment_id=segment)
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    await stage.settle()
    assert await stage.sent() == [(2, 0, 1)]


async def test_entering_and_leaving_a_segment_begins_but_a_rule_that_is_edited_does_not(stage: Stage) -> None:
    segment = await _segment(stage, members=[])
    await stage.campaign("in", trigger=OnSegment(segment_id=segment))
    await stage.campaign("out", trigger=OnSegment(segment_id=segment, change="left"))
    for who, entered, cause in ((1, True, "facts"), (2, True, "rule"), (1, False, "time"), (2, True, "merge")):
        await turned(stage.pool, segment, who, at=NOON, entered=entered, cause=cause)
    await stage.settle()
    rows = await stage.pool.fetch("SELECT campaign_id, customer_id FROM journey_entries ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, 1), (2, 1)]


async def test_whoever_was_merged_is_one_person(stage: Stage) -> None:
    await stage.campaign(reentry=Reentry(mode="never"))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await stage.pool.execute("UPDATE customers SET merged_into = 2 WHERE customer_id = 1")
    await stage.happened("b", "Application Opened")
    await stage.happened("a", "Application Opened")
    await stage.settle()
    assert await stage.sent() == [(1, 0, 1)]


@pytest.mark.parametrize("step", ["read", "led on", "entered", "written", "committed"])
async def test_a_death_at_any_step_loses_nobody_and_lets_nobody_in_twice(stage: Stage, step: str) -> None:
    await stage.campaign()
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    stage.stop_at = step
    with pytest.raises(Died):
        await stage.feeds.work()
    stage.stop_at = None
    await stage.settle()
    assert await stage.sent() == [(1, 0, 1), (2, 0, 1)]


async def test_the_saboteur_who_moves_the_position_first_loses_people(stage: Stage) -> None:
    """The test above sees it: a position that is written by itself passes over whom a death took."""
    await stage.campaign()
    seq = await stage.happened("a", "Application Opened")
    await stage.pool.execute("UPDATE trigger_positions SET position = $1 WHERE feed = 'events'", seq)
    await stage.settle()
    assert await stage.sent() == []


async def test_of_two_readers_one_reads(stage: Stage) -> None:
    await stage.campaign()
    await stage.happened("a", "Application Opened")
    async with stage.pool.acquire() as other, other.transaction():
        await other.execute("SELECT position FROM trigger_positions FOR UPDATE")
        assert await stage.feeds.work() == 0
    assert await stage.feeds.work() == 1


async def test_people_finish_on_the_version_they_entered(stage: Stage) -> None:
    steps = (Wait(time=timedelta(hours=1)), Send(content=HELLO))
    number = await stage.campaign(steps=steps)
    await stage.happened("a", "Application Opened")
    await stage.settle()
    longer = (Wait(time=timedelta(hours=1)), Send(content=HELLO), Send(content=HELLO))
    await stage.publish(
        number, Draft(name="x", segment_id=None, trigger=LAUNCHED, content=HELLO, holdout_percent=0.0, steps=longer)
    )
    await stage.happened("b", "Application Opened")
    await stage.settle()
    await stage.later(hours=1)
    assert await stage.sent() == [(1, 1, 1), (2, 1, 2), (2, 2, 2)]


async def _segment(stage: Stage, *, members: list[int]) -> int:
    number = await stage.pool.fetchval(
        "INSERT INTO segments (name, created_at) VALUES ('tea lovers', $1) RETURNING segment_id", NOON
    )
    bits = bytearray(1024)
    for who in members:
        bits[who // 8] |= 1 << who % 8
    await stage.pool.execute(
        "INSERT INTO segment_members (segment_id, block, bits) VALUES ($1, 0, $2)", number, bytes(bits)
    )
    return int(number)
