"""Dry runs of what begins person by person: out of history, by the campaign's own filters, through the gates as of now."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.cli.campaign_texts import tell_dry_run
from backend.services.campaign_desk import dry_runs
from backend.store import erasures
from campaigns.campaign import Content, Draft, Text
from campaigns.dry_run import DryRun
from campaigns.rehearsal import Begun, Fork, Way
from campaigns.steps import GiveCoupon, Part, Send, SplitRule, SplitShare, Wait
from campaigns.trigger import OnDate, OnEvent, OnSegment, Reentry
from tests.fixtures.shop_floor import NOON, ShopFloor
from tests.services.keeping import turned

TEA = Content(ja=Text("お茶", "入荷しました"))
DAY = timedelta(days=1)
OPENED, ORDERED = "Application Opened", "Order Completed"


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


async def dry_run(floor: ShopFloor, **said: Any) -> DryRun:
    draft = Draft(**({"name": "Tea", "segment_id": None, "content": TEA, "holdout_percent": 0.0} | said))
    return await floor.desk.dry_run((await floor.desk.create(draft, by="test")).summary.campaign_id)


async def test_an_event_is_counted_out_of_history_and_its_people_pass_the_gates(floor: ShopFloor) -> None:
    asked = await floor.people(2)
    (silent,) = await floor.people(1, consent=False)
    for ago, who in ((3, asked[0]), (10, asked[0]), (10, silent), (0.1, asked[1]), (30, asked[1])):
        floor.history.happened(who, OPENED, NOON - ago * DAY)
    floor.history.happened(asked[1], "Screen Viewed", NOON - 3 * DAY)
    seen = await dry_run(floor, trigger=OnEvent(event=OPENED))
    told = seen.rehearsal
    assert told is not None
    assert (told.week, told.month, told.late, told.known_from) == (Begun(1, 1), Begun(3, 2), 0, None)
    assert {day.day: day.times for day in told.days if day.times} == {date(2026, 6, 27): 1, date(2026, 6, 20): 2}
    assert (seen.segment_size, seen.treated) == (2, 1), "today is not a full day, and 30 days are too long ago"
    (gone,) = seen.removed
    assert (gone.reason, gone.people, gone.examples) == ("consent", 1, (silent,))
    assert seen.samples[0].title == "お茶"
    assert "Begun 1 times for 1 people in the last 7 full days, 3 times for 2 in the last 28." in tell_dry_run(seen)


async def test_nobody_is_an_example_who_asked_to_be_erased(floor: ShopFloor) -> None:
    gone, stays = await floor.people(2, consent=False)
    for who in (gone, stays):
        floor.history.happened(who, OPENED, NOON - 3 * DAY)
    async with floor.pool.acquire() as connection, connection.transaction():
        await erasures.insert(connection, customer_ids=[gone], digests=[], by="owner", reason="", now=NOON)
    seen = await dry_run(floor, trigger=OnEvent(event=OPENED))
    assert seen.segment_size == 2, "the frame was made before"
    assert [one for removed in seen.removed for one in removed.examples] == [stays]


async def test_filters_orders_and_trust_mean_what_they_mean_when_it_runs(floor: ShopFloor) -> None:
    one, two, three = await floor.people(3)
    large = OnEvent(event=ORDERED, where={"amount": {">=": 5000}})
    for order_key in (7, 7, 8):
        floor.history.happened(one, ORDERED, NOON - 2 * DAY, amount=6000, order_key=order_key)
    floor.history.happened(two, ORDERED, NOON - 2 * DAY, amount=4999, order_key=9)
    floor.history.happened(three, ORDERED, NOON - 2 * DAY, amount=9000, order_key=10, trusted=False)
    said = await dry_run(floor, trigger=large)
    assert said.rehearsal is not None
    assert said.rehearsal.month == Begun(3, 2), "an order counts once; nobody verified has reported any yet"
    gift = await dry_run(floor, trigger=large, name="gift", steps=(GiveCoupon(coupon_id="C"),))
    assert gift.rehearsal is not None
    assert gift.rehearsal.month == Begun(2, 1), "what a stranger could make up gives nothing away"
    assert (gift.treated, gift.devices, gift.samples, gift.removed) == (1, 0, (), ()), (
        "nothing is pushed, so no gate is asked"
    )
    source = await floor.pool.fetchval("INSERT INTO sources (name, kind) VALUES ('till', 'server') RETURNING source_id")
    await floor.pool.execute(
        "INSERT INTO event_counts VALUES ($1, $2, $3, 1, 0, 0, $4)", NOON.date(), source, ORDERED, NOON
    )
    verified = await dry_run(floor, trigger=large, name="verified")
    assert verified.rehearsal is not None
    assert verified.rehearsal.month == Begun(2, 1)


async def test_what_was_reported_late_and_days_that_were_dropped_are_told(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    floor.history.happened(one, OPENED, NOON - 2 * DAY, late=timedelta(hours=2))
    floor.history.happened(one, OPENED, NOON - 3 * DAY, late=timedelta(minutes=59))
    floor.history.happened(one, OPENED, NOON - 20 * DAY)
    floor.history.since = date(2026, 6, 20)
    seen = await dry_run(floor, trigger=OnEvent(event=OPENED))
    assert seen.rehearsal is not None
    assert (seen.rehearsal.month, seen.rehearsal.late) == (Begun(2, 1), 1)
    assert seen.rehearsal.known_from == date(2026, 6, 20)
    said = tell_dry_run(seen)
    assert "1 of them were reported more than an hour late" in said
    assert "before 2026-06-20" in said


async def _segment(floor: ShopFloor, members: list[int], *, since: datetime) -> int:
    number = await floor.segment()
    bits = bytearray(1024)
    for who in members:
        bits[who // 8] |= 1 << who % 8
    await floor.pool.execute(
        "INSERT INTO segment_members (segment_id, block, bits) VALUES ($1, 0, $2)", number, bytes(bits)
    )
    await floor.pool.execute(
        """INSERT INTO segment_versions (segment_id, version, rule, created_at, created_by)
           VALUES ($1, 1, '{"attribute": "rank", "op": "is_set"}', $2, 'test')""",
        number,
        since,
    )
    await floor.pool.execute(
        "INSERT INTO segment_states VALUES ($1, 1, 'b', '', 0, $2, 0, $3, $3)", number, len(members), since
    )
    return number


async def _turned(floor: ShopFloor, segment: int, who: int, *, ago: float, entered: bool, cause: str = "facts") -> None:
    await turned(floor.pool, segment, who, at=NOON - ago * DAY, entered=entered, cause=cause)


async def test_entering_a_segment_is_counted_by_what_is_kept_of_it(floor: ShopFloor) -> None:
    one, two = await floor.people(2)
    segment = await _segment(floor, [one], since=NOON - 100 * DAY)
    for who, ago, entered, cause in (
        (one, 9, True, "facts"), (one, 5, False, "time"), (one, 3, True, "time"), (two, 3, True, "rule"), (two, 40, True, "facts"),
    ):  # fmt: skip
        await _turned(floor, segment, who, ago=ago, entered=entered, cause=cause)
    seen = await dry_run(floor, trigger=OnSegment(segment_id=segment))
    assert seen.rehearsal is not None
    assert (seen.rehearsal.month, seen.rehearsal.week, seen.treated) == (Begun(2, 1), Begun(1, 1), 1)
    left = await dry_run(floor, name="left", trigger=OnSegment(segment_id=segment, change="left"))
    assert left.rehearsal is not None
    assert left.rehearsal.month == Begun(1, 1)


async def test_a_segment_is_known_since_it_was_counted_by_its_present_rule(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    segment = await _segment(floor, [one], since=NOON - 5 * DAY)
    await _turned(floor, segment, one, ago=5.5, entered=True)
    await _turned(floor, segment, one, ago=3, entered=True)
    seen = await dry_run(floor, trigger=OnSegment(segment_id=segment))
    assert seen.rehearsal is not None
    assert (seen.rehearsal.known_from, seen.rehearsal.month) == (date(2026, 6, 26), Begun(1, 1))
    await floor.pool.execute("DELETE FROM segment_states")
    never = await dry_run(floor, name="never", trigger=OnSegment(segment_id=segment))
    assert never.rehearsal is not None
    assert (never.rehearsal.known_from, never.segment_size) == (date(2026, 6, 30), 0)


async def test_a_further_condition_is_asked_of_the_moment(floor: ShopFloor) -> None:
    stays, came, went = await floor.people(3)
    segment = await _segment(floor, [stays, came], since=NOON - 100 * DAY)
    await _turned(floor, segment, came, ago=5, entered=True)
    await _turned(floor, segment, went, ago=5, entered=False)
    for who in (stays, came, went):
        for ago in (6, 4):
            floor.history.happened(who, OPENED, NOON - ago * DAY)
    seen = await dry_run(floor, trigger=OnEvent(event=OPENED), segment_id=segment)
    assert seen.rehearsal is not None
    told = {day.day: day.times for day in seen.rehearsal.days if day.times}
    assert told == {date(2026, 6, 24): 2, date(2026, 6, 26): 2}, (
        "first who stays and who went, then who stays and who came"
    )


async def test_of_more_people_than_a_look_may_ask_some_are_drawn(
    floor: ShopFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_runs, "MOST_FORKED", 40)
    ids = await floor.people(120)
    floor.holding = set(ids[::2])
    steps = (SplitRule(rule={"attribute": "rank", "op": "is_set"}), Send(content=TEA))
    made = await floor.campaign(steps=steps)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert seen.fork is not None
    yes, no = (way.people for way in seen.fork.ways)
    assert (seen.fork.asked, yes + no) == (40, 120)
    assert 30 <= yes <= 90, "half of the people, asked of a third of them"
    assert yes % 3 == 0, "forty stand for three each"
    assert "estimated from 40 people drawn" in tell_dry_run(seen)
    assert await floor.desk.dry_run(made.summary.campaign_id) == seen


async def test_a_journey_says_how_people_would_part_and_what_is_not_known(floor: ShopFloor) -> None:
    ids = await floor.people(6)
    floor.holding = {*ids[:2], 999}
    for who in ids[:4]:
        floor.history.happened(who, OPENED, NOON - 3 * DAY)
    first, second = Send(content=TEA), Send(content=Content(ja=Text("{{ rank }}", "b")))
    steps = (first, Wait(time=DAY), SplitRule(rule={"attribute": "rank", "op": "is_set"}), second)
    seen = await dry_run(floor, trigger=OnEvent(event=OPENED), steps=steps, reentry=Reentry(mode="never"))
    assert seen.fork == Fork(2, (Way("yes", 2), Way("no", 2)))
    assert seen.rehearsal is not None
    assert seen.rehearsal.stay_unknown
    assert (seen.treated, seen.samples[0].title) == (4, "お茶"), "the gates are those of the first push"
    halves = SplitShare(parts=(Part(percent=50), Part(percent=50)))
    launched = await floor.campaign(name="launched", steps=(halves, first))
    run = await floor.desk.dry_run(launched.summary.campaign_id)
    assert run.rehearsal is None
    assert run.fork is not None
    assert (run.segment_size, sum(way.people for way in run.fork.ways)) == (6, 6)
    assert "Where it divides first, at step 3, as of now: yes 2, no 2." in tell_dry_run(seen)


async def test_what_follows_dates_is_counted_for_its_next_day(floor: ShopFloor) -> None:
    await floor.people(3)
    days = {"birth_month": [7, 7, 8], "birth_day": [1, 2, 1]}
    floor.audience.frame = floor.audience.frame.with_columns(
        pl.Series(name, values, dtype=pl.Int8) for name, values in days.items()
    )
    made = await floor.campaign(trigger=OnDate(date="birthday", days=-1, at="09:00"), content=TEA)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert (seen.day, seen.segment_size) == (date(2026, 7, 1), 1), "at 9:00 of tomorrow, for the 2nd"
    over = replace(made.draft, name="over", trigger=OnDate(date="birthday", until=datetime(2026, 1, 1, tzinfo=UTC)))
    none = await floor.desk.dry_run((await floor.desk.create(over, by="test")).summary.campaign_id)
    assert (none.day, none.segment_size) == (None, 0)
