"""How people are led on: what steps do, who waits and who leaves, and what holds when something dies or fails."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from backend.services.journeys.entering import enter
from backend.services.journeys.looking import JourneyDesk
from backend.services.retention import Retention
from backend.store import journeys
from campaigns.steps import (
    Awaited,
    CallWebhook,
    Exit,
    GiveCoupon,
    Send,
    SetTrait,
    SplitRule,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)
from campaigns.trigger import OnEvent, Recurring, Reentry
from tests.faults.figures import SCALE, Figures, note
from tests.fixtures.journey_stage import HELLO, NOON, Died, Stage

DAY = timedelta(days=1)
BOUGHT = Awaited(event="Order Completed")
ONBOARDING: tuple[Step, ...] = (
    Send(content=HELLO),
    WaitEvent(awaited=BOUGHT, timeout=3 * DAY, late="remind"),
    Exit(reason="bought"),
    Send(label="remind", content=HELLO),
    Wait(time=DAY),
    SplitRule(rule={"list": 1}, otherwise="gift"),
    Exit(reason="regular"),
    GiveCoupon(label="gift", coupon_id="WELCOME"),
    SetTrait(trait="onboarded", value="yes"),
    CallWebhook(name="crm"),
)


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    made = Stage(pool)
    await made.people("a", "b")
    await made.begin()
    await with_coupon_and_endpoint(made)
    return made


async def with_coupon_and_endpoint(stage: Stage) -> None:
    """A coupon to give, and somebody who wants to hear of steps."""
    await stage.pool.execute(
        """INSERT INTO coupons (coupon_id, title, audience, created_at, created_by, changed_at, changed_by)
           VALUES ('WELCOME', '{"ja": "初回"}', 'issued', $1, 'test', $1, 'test')""",
        NOON,
    )
    await stage.pool.execute(
        """INSERT INTO webhook_endpoints (url, event_types, secret, created_at, created_by)
           VALUES ('https://crm.example', '{journey.step_reached}', 's', $1, 'test')""",
        NOON,
    )


async def effects(stage: Stage) -> dict[str, int]:
    """How often each thing was done to the world outside."""
    logged = await stage.pool.fetch(
        "SELECT coalesce(event, type) AS what, count(*) AS n FROM event_log WHERE message_id ~ 'journey' GROUP BY 1"
    )
    told = await stage.pool.fetchval("SELECT count(*) FROM webhook_messages")
    return {row["what"]: row["n"] for row in logged} | {"webhook": told, "push": len(await stage.sent())}


async def test_old_ways_are_only_counted_and_the_figures_and_the_history_stay(stage: Stage) -> None:
    await stage.campaign(steps=(Send(content=HELLO), Wait(time=DAY), Exit(reason="bye")), reentry=Reentry(mode="never"))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await stage.later(days=1)
    await stage.happened("b", "Application Opened")
    await stage.settle()
    desk, keeper = JourneyDesk(stage.pool, stage.clock), Retention(stage.pool, stage.clock, keep_ways=10 * DAY)
    before = await desk.overview(1)
    assert await keeper.forget_ways() == 0
    stage.clock.advance(11 * DAY)
    assert await keeper.forget_ways() == 1
    assert await keeper.forget_ways() == 0
    assert await desk.overview(1) == before, "b is under way, and the steps of a count on"
    old, young = await desk.entry(1, 1), await desk.entry(1, 2)
    assert (old.visits, old.entry.way_kept, old.entry.reason) == ([], False, "bye")
    assert (len(young.visits), young.entry.way_kept) == (1, True)
    await stage.happened("a", "Application Opened")
    await stage.settle()
    stage.clock.advance(11 * DAY)
    assert await keeper.forget_ways() == 1
    assert [who for who, *_ in await stage.stands()] == [1, 2], "who entered once does not enter again"
    assert await stage.pool.fetchval("SELECT sum(visits) FROM journey_counts") == 6


async def test_an_onboarding_journey_from_launch_to_its_end(stage: Stage) -> None:
    await stage.campaign(steps=ONBOARDING)
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    await stage.settle()
    assert [step for _, step, _, _ in await stage.stands()] == [1, 1]
    stage.clock.advance(2 * DAY)
    await stage.happened("a", "Order Completed", order_id="1", total=100, currency="JPY")
    await stage.settle()
    assert (await stage.stands())[0] == (1, 2, "left", "bought")
    await stage.later(days=1)
    await stage.later(days=1)
    assert (await stage.stands())[1] == (2, 10, "left", "finished")
    assert await stage.sent() == [(1, 0, 1), (2, 0, 1), (2, 3, 1)]
    assert await effects(stage) == {"push": 3, "Coupon Issued": 1, "identify": 1, "webhook": 1}
    body = await stage.pool.fetchval("SELECT body FROM webhook_messages")
    assert '"type":"journey.step_reached"' in body
    assert '"customer_id":2' in body
    way = await stage.pool.fetch("SELECT step, way, outcome FROM journey_visits WHERE entry_id = 2 ORDER BY lap, step")
    assert [tuple(row) for row in way] == [
        (0, "", "treated"), (1, "late", ""), (3, "", "treated"), (4, "", ""), (5, "no", ""),
        (7, "", "done"), (8, "", "done"), (9, "", "done"),
    ]  # fmt: skip


async def test_the_goal_ends_a_journey_wherever_somebody_stands(stage: Stage) -> None:
    steps = (Send(content=HELLO), Wait(time=DAY), Send(content=HELLO))
    await stage.campaign(steps=steps, exits_on=Awaited(event="Order Completed", where={"amount": {">=": 1000}}))
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    await stage.later(hours=1)
    await stage.happened("a", "Order Completed", order_id="1", total=1000, currency="JPY")
    await stage.happened("b", "Order Completed", order_id="2", total=999, currency="JPY")
    await stage.settle()
    assert await stage.stands() == [(1, 1, "left", "goal"), (2, 1, "waiting", None)]
    await stage.later(days=1)
    assert await stage.sent() == [(1, 0, 1), (2, 0, 1), (2, 2, 1)]


async def test_a_goal_that_no_feed_has_read_yet_still_stops_the_push(stage: Stage) -> None:
    await stage.campaign(steps=(Wait(time=DAY), Send(content=HELLO)), exits_on=BOUGHT)
    await stage.happened("a", "Application Opened")
    await stage.later(hours=1)
    stage.clock.advance(DAY)
    await stage.happened("a", "Order Completed", order_id="1", total=1, currency="JPY")
    await stage.runs.work()
    assert await stage.stands() == [(1, 0, "left", "goal")]


async def test_what_came_just_when_somebody_began_to_wait_is_not_missed(stage: Stage) -> None:
    """The feed reads past an event while the runner, which has not committed yet, puts its person to wait for it."""
    await stage.campaign(
        steps=(
            Wait(time=DAY),
            WaitEvent(awaited=BOUGHT, timeout=DAY, late="no"),
            Exit(reason="yes"),
            Exit(label="no", reason="no"),
        )
    )
    await stage.happened("a", "Application Opened")
    await stage.later(hours=1)
    stage.clock.advance(DAY + timedelta(seconds=1))
    await stage.happened("a", "Order Completed", order_id="1", total=1, currency="JPY")
    await stage.feeds.work()
    await stage.runs.work()
    assert (await stage.stands())[0][1:] == (1, "waiting", None)
    await stage.settle()
    assert await stage.stands() == [(1, 2, "left", "yes")]


async def test_a_rule_is_asked_for_all_who_stand_there_together(stage: Stage) -> None:
    await stage.campaign(
        steps=(SplitRule(rule={"list": 1}, otherwise="no"), Exit(reason="yes"), Exit(label="no", reason="no"))
    )
    stage.holding = {2}
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    await stage.settle()
    assert [reason for _, _, _, reason in await stage.stands()] == ["no", "yes"]


async def test_a_time_of_day_is_that_of_the_persons_phone_or_of_her_profile(stage: Stage) -> None:
    await stage.pool.execute(
        """INSERT INTO devices (address, address_kind, customer_id, source_id, platform, state, first_seen, last_seen, time_zone)
           VALUES ('x', 'token', 1, 1, 'ios', 'live', $1, $1, 'America/New_York'), ('y', 'token', 2, 1, 'ios', 'live', $1, $1, 'Mars/Olympus')""",
        NOON,
    )
    await stage.people("told", "said")
    await stage.pool.execute(
        "UPDATE customers SET traits = '{\"timezone\": \"America/New_York\"}' WHERE user_id = 'told'"
    )
    await stage.pool.execute(
        "UPDATE customers SET traits = '{\"time_zone\": \"America/New_York\"}' WHERE user_id = 'said'"
    )
    await stage.campaign(steps=(WaitUntil(at="18:00"),))
    for name in ("a", "b", "told", "said"):
        await stage.happened(name, "Application Opened")
    await stage.settle()
    rows = await stage.pool.fetch("SELECT due_at FROM journey_entries ORDER BY customer_id")
    assert [(row["due_at"] - NOON) // timedelta(hours=1) for row in rows] == [19, 6, 19, 19]


async def test_who_is_held_out_walks_on_and_gets_nothing(stage: Stage) -> None:
    await stage.campaign(steps=(GiveCoupon(coupon_id="WELCOME"), SetTrait(trait="x", value=1)), holdout_percent=90.0)
    names = [f"c{number}" for number in range(40)]
    await stage.people(*names)
    for name in names:
        await stage.happened(name, "Application Opened")
    await stage.settle()
    outcomes = dict(await stage.pool.fetch("SELECT outcome, count(DISTINCT entry_id) FROM journey_visits GROUP BY 1"))
    assert outcomes["control"] > 25
    assert outcomes["control"] + outcomes["done"] == 40
    assert (await effects(stage))["Coupon Issued"] == outcomes["done"]


async def test_a_coupon_that_ended_is_told_and_holds_nobody_up(stage: Stage) -> None:
    await stage.pool.execute("UPDATE coupons SET archived_at = $1", NOON)
    await stage.campaign(steps=(GiveCoupon(coupon_id="WELCOME"), GiveCoupon(coupon_id="NONE")))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    assert [row["outcome"] for row in await stage.pool.fetch("SELECT outcome FROM journey_visits ORDER BY step")] == [
        "coupon_archived", "coupon_not_found",
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["claimed", "acted", "written", "committed"])
async def test_a_death_at_any_step_does_nothing_twice(stage: Stage, step: str) -> None:
    await stage.campaign(
        steps=(Send(content=HELLO), GiveCoupon(coupon_id="WELCOME"), SetTrait(trait="x"), CallWebhook(name="y"))
    )
    await stage.happened("a", "Application Opened")
    await stage.feeds.work()
    stage.stop_at = step
    with pytest.raises(Died):
        await stage.runs.work()
    stage.stop_at = None
    await stage.settle()
    assert await effects(stage) == {"push": 1, "Coupon Issued": 1, "identify": 1, "webhook": 1}


async def test_the_saboteur_who_forgets_where_somebody_stood_is_found_out(stage: Stage) -> None:
    """Steps leave a trace under their own key: a person who is put back by a fault is not given everything again."""
    await stage.campaign(steps=(GiveCoupon(coupon_id="WELCOME"), Wait(time=DAY)))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await stage.pool.execute("UPDATE journey_entries SET step = 0, waits = false, due_at = $1", NOON)
    await stage.settle()
    assert (await effects(stage))["Coupon Issued"] == 1
    assert (await stage.stands())[0][2] == "waiting"
    assert "UniqueViolation" in await stage.pool.fetchval("SELECT reason FROM journey_entries")


async def test_many_runners_at_once_lead_everybody_on_once(stage: Stage) -> None:
    names = [f"c{number}" for number in range(120)]
    people = await stage.people(*names)
    number = await stage.campaign(steps=(Send(content=HELLO), GiveCoupon(coupon_id="WELCOME")))
    await stage.pool.execute(
        """INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, due_at, entered_at, changed_at)
           SELECT $1, 1, unnest($2::bigint[]), 1, $3, $3, $3""",
        number,
        people,
        NOON,
    )

    async def run() -> None:
        runner = stage.runner(at_once=7)
        while await runner.work():
            pass

    await asyncio.gather(*(run() for _ in range(4)))
    await stage.settle()
    assert (await effects(stage)) == {"push": 120, "Coupon Issued": 120, "webhook": 0}


@pytest.mark.fault
async def test_who_always_fails_is_put_aside_and_holds_up_nobody(stage: Stage) -> None:
    names = [f"c{number}" for number in range(10 * SCALE)]
    people = await stage.people(*names)
    number = await stage.campaign()
    stage.poisoned = set(people[3::10])
    for name in names:
        await stage.happened(name, "Application Opened")
    await stage.settle()
    assert len(await stage.sent()) == 9 * SCALE
    for _ in range(5):
        await stage.later(hours=1)
    aside = [stand for stand in await stage.stands() if stand[2] == "aside"]
    why = "ValueError: nothing can be sent to [{}]"
    assert sorted(aside) == [(one, 0, "aside", why.format(one)) for one in sorted(stage.poisoned)]
    poisoned = len(stage.poisoned)
    stage.poisoned.clear()
    await stage.later(days=1)
    assert len(await stage.sent()) == 9 * SCALE, "only a person's act brings her back"
    async with stage.pool.acquire() as connection:
        taken = await journeys.take_back(connection, campaign_id=number, entry_id=None, now=stage.clock.now())
    assert taken == poisoned
    await stage.settle()
    sent = await stage.sent()
    lost, doubled = len(names) - len(set(sent)), len(sent) - len(set(sent))
    fault = "F18 a step that always fails"
    note(Figures(fault=fault, operations=len(names), faults=poisoned, lost=lost, doubled=doubled))
    assert (lost, doubled) == (0, 0)


async def test_pause_holds_everybody_and_cancel_ends_it(stage: Stage) -> None:
    number = await stage.campaign(steps=(Wait(time=DAY), Send(content=HELLO)))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await _state(stage, number, "paused")
    await stage.later(days=2)
    assert await stage.sent() == []
    await _state(stage, number, "sending")
    await stage.settle()
    assert len(await stage.sent()) == 1
    await stage.happened("b", "Application Opened")
    await stage.settle()
    await _state(stage, number, "cancelled")
    await stage.later(days=2)
    assert len(await stage.sent()) == 1
    assert await stage.runs.keep_house() == 1
    assert (await stage.stands())[1] == (2, 0, "left", "cancelled")


async def test_two_who_became_one_go_one_way(stage: Stage) -> None:
    await stage.campaign(steps=(Wait(time=DAY), Send(content=HELLO)))
    await stage.happened("a", "Application Opened")
    await stage.happened("b", "Application Opened")
    await stage.settle()
    await stage.pool.execute("UPDATE customers SET merged_into = 2 WHERE customer_id = 1")
    await stage.later(days=1)
    assert await stage.sent() == [(2, 1, 1)]
    assert [stand[2:] for stand in await stage.stands()] == [("left", "finished"), ("left", "merged")]


async def test_whoever_is_erased_leaves(stage: Stage) -> None:
    await stage.campaign(steps=(Wait(time=DAY), Send(content=HELLO)))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await stage.pool.execute("UPDATE customers SET erased_at = $1 WHERE customer_id = 1", NOON)
    await stage.later(days=1)
    assert await stage.stands() == [(1, 0, "left", "erased")]


async def test_a_journey_that_lets_nobody_in_any_more_ends_when_it_is_empty(stage: Stage) -> None:
    until = OnEvent(event="Application Opened", until=NOON + timedelta(hours=2))
    await stage.campaign(trigger=until, steps=(Wait(time=DAY),))
    await stage.happened("a", "Application Opened")
    await stage.settle()
    await stage.later(hours=4)
    await stage.runs.keep_house()
    assert await _state_of(stage) == "sending"
    await stage.later(days=1)
    await stage.runs.keep_house()
    assert await _state_of(stage) == "sent"


async def test_a_journey_that_is_launched_again_goes_on_though_it_is_empty(stage: Stage) -> None:
    weekly = Recurring(rrule="FREQ=WEEKLY", starts_at=NOON)
    await stage.pool.execute("INSERT INTO segments (name, created_at) VALUES ('everyone', $1)", NOON)
    await stage.campaign(segment_id=1, trigger=weekly, steps=(Wait(time=DAY),))
    await stage.pool.execute("UPDATE campaigns SET next_at = $1", NOON + 7 * DAY)
    await stage.runs.keep_house()
    assert await _state_of(stage) == "sending"
    await stage.pool.execute("UPDATE campaigns SET next_at = NULL")
    await stage.runs.keep_house()
    assert await _state_of(stage) == "sent"


async def test_a_launch_lets_its_audience_in_once(stage: Stage) -> None:
    await stage.people("c", "d")
    again = await stage.campaign("again", steps=(Wait(time=DAY),), reentry=Reentry(mode="after", days=3))
    never = await stage.campaign("never", steps=(Wait(time=DAY),), reentry=Reentry(mode="never"))

    async def launch(campaign_id: int, occurrence: int, *who: int) -> int:
        async with stage.pool.acquire() as connection, connection.transaction():
            return await enter(
                connection, campaign_id=campaign_id, version=1, occurrence=occurrence, customer_ids=who, now=stage.clock.now()
            )  # fmt: skip

    assert await launch(again, 1, 1, 2, 3) == 3
    assert await launch(again, 1, 1, 2, 3, 4) == 1, "the same launch again"
    assert await launch(never, 1, 1) == 1
    await stage.later(days=2)
    assert await launch(again, 2, 1, 2) == 0, "too early"
    await stage.later(days=2)
    assert await launch(again, 3, 1, 2) == 2
    assert await launch(never, 2, 1, 2) == 1


async def _state(stage: Stage, number: int, state: str) -> None:
    await stage.pool.execute("UPDATE campaigns SET state = $2 WHERE campaign_id = $1", number, state)


async def _state_of(stage: Stage) -> Any:
    return await stage.pool.fetchval("SELECT state FROM campaigns")
