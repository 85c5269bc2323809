"""Campaigns that repeat: each occurrence once, none made up for, people of a date, the end, and launches that never succeed."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.errors import NotFound
from backend.services.campaign_runs import CampaignRuns
from campaigns.audience import Members
from campaigns.campaign import Content, Priority, State, Text, Variant
from campaigns.overview import CampaignDetail
from campaigns.trigger import OnDate, OnEvent, Recurring, Reentry, Trigger
from segments.errors import RuleError
from tests.fixtures.shop_floor import NOON, HeldAudience, ShopFloor

TEA = Content(ja=Text("お茶", "入荷しました"))
DAILY = Recurring(rrule="FREQ=DAILY", starts_at=NOON)
DAY = timedelta(days=1)


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


async def running(floor: ShopFloor, trigger: Trigger, **more: Any) -> CampaignDetail:
    made = (await floor.campaign(trigger=trigger, content=TEA, **more)).summary
    await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")
    await floor.runs.launch_due()
    return await floor.desk.get(made.campaign_id)


async def occurrences(floor: ShopFloor, campaign_id: int) -> list[tuple[int, int]]:
    """Number and people of each."""
    rows = await floor.pool.fetch(
        "SELECT occurrence, targeted FROM campaign_occurrences WHERE campaign_id = $1 ORDER BY occurrence", campaign_id
    )
    return [(row["occurrence"], row["targeted"]) for row in rows]


async def test_each_occurrence_is_launched_once_by_however_many(floor: ShopFloor) -> None:
    await floor.people(3)
    made = await running(floor, DAILY)
    number = made.summary.campaign_id
    assert (made.summary.state, made.summary.version, made.summary.next_at) == (State.SENDING, 1, NOON + DAY)
    await floor.drain()
    for _ in range(2):
        floor.clock.advance(DAY)
        await asyncio.gather(*(floor.runs.launch_due() for _ in range(4)))
        await floor.drain()
    first = int(NOON.timestamp()) // 60
    assert await occurrences(floor, number) == [(first + day * 24 * 60, 3) for day in range(3)]
    assert len(floor.sender.sent) == 9
    told = (await floor.desk.get(number)).summary
    assert (told.state, told.targeted, told.next_at) == (State.SENDING, 9, NOON + 3 * DAY)


async def test_what_was_missed_is_launched_once_at_most(floor: ShopFloor) -> None:
    await floor.people(1)
    number = (await running(floor, DAILY)).summary.campaign_id
    floor.clock.advance(5 * DAY + timedelta(hours=1))
    assert await floor.runs.launch_due() == 1
    assert await floor.runs.launch_due() == 0
    assert len(await occurrences(floor, number)) == 2


async def test_it_ends_with_its_last_occurrence(floor: ShopFloor) -> None:
    await floor.people(1)
    twice = Recurring(rrule="FREQ=DAILY;COUNT=2", starts_at=NOON)
    number = (await running(floor, twice)).summary.campaign_id
    await floor.drain()
    assert await floor.state(number) == "sending"
    floor.clock.advance(DAY)
    await floor.runs.launch_due()
    await floor.drain()
    assert await floor.state(number) == "sent"
    assert len(floor.sender.sent) == 2


async def test_it_waits_for_its_own_time_and_a_pause_holds_it(floor: ShopFloor) -> None:
    await floor.people(1)
    made = (await floor.campaign(trigger=DAILY, content=TEA)).summary
    number = made.campaign_id
    begin = NOON + 2 * DAY
    await floor.desk.schedule(number, at=begin, revision=made.revision, by="test")
    floor.clock.advance(DAY)
    assert await floor.runs.launch_due() == 0
    floor.clock.advance(DAY)
    assert await floor.runs.launch_due() == 1
    assert await occurrences(floor, number) == [(int(begin.timestamp()) // 60, 1)]
    await floor.desk.pause(number, by="test")
    floor.clock.advance(DAY)
    assert await floor.runs.launch_due() == 0
    await floor.desk.resume(number, by="test")
    assert await floor.runs.launch_due() == 1


async def test_a_new_version_repeats_by_its_own_rule(floor: ShopFloor) -> None:
    await floor.people(1)
    before = await running(floor, DAILY)
    number = before.summary.campaign_id
    later = replace(before.draft, trigger=Recurring(rrule="FREQ=DAILY;INTERVAL=3", starts_at=NOON))
    await floor.desk.publish(number, later, revision=before.summary.revision, by="test")
    assert await floor.runs.launch_due() == 0
    assert (await floor.desk.get(number)).summary.next_at == NOON + 3 * DAY
    floor.clock.advance(3 * DAY)
    await floor.runs.launch_due()
    versions = await floor.pool.fetch("SELECT version FROM campaign_occurrences ORDER BY occurrence")
    assert [row["version"] for row in versions] == [1, 2]


async def test_people_get_it_on_their_date(floor: ShopFloor) -> None:
    ids = await floor.people(4)
    days = {"birth_month": [7, 7, 7, None], "birth_day": [1, 2, 3, None]}
    floor.audience.frame = floor.audience.frame.with_columns(
        pl.Series(name, values, dtype=pl.Int8) for name, values in days.items()
    )
    number = (await running(floor, OnDate(date="birthday", days=-1, at="09:00"))).summary.campaign_id
    for _ in range(3):  # 30 June 12:00 → 1, 2 and 3 July 9:00
        coming = (await floor.desk.get(number)).summary.next_at
        assert coming is not None
        floor.clock.advance(coming - floor.clock.now())
        await floor.runs.launch_due()
    first = date(2026, 7, 1).toordinal()
    # On 30 June, 9:00 had passed when it was launched; on 1 July it is for the 2nd.
    assert await occurrences(floor, number) == [(first, 1), (first + 1, 1), (first + 2, 0)]
    rows = await floor.pool.fetch("SELECT customer_id FROM campaign_people ORDER BY occurrence")
    assert [row["customer_id"] for row in rows] == ids[1:3]


async def test_who_was_reached_is_not_reached_again_too_soon(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    frame = floor.audience.frame
    trigger = OnDate(date="trait:renewal", at="12:00")
    reentry = Reentry(mode="after", days=30)
    floor.audience.frame = frame.with_columns(pl.lit("2026-06-30").alias("trait:renewal"))
    number = (await running(floor, trigger, reentry=reentry)).summary.campaign_id
    for day, sent in ((date(2026, 7, 20), 1), (date(2026, 8, 5), 2)):
        floor.audience.frame = frame.with_columns(pl.lit(day.isoformat()).alias("trait:renewal"))
        floor.clock.advance(datetime.combine(day, time(3), UTC) - floor.clock.now())
        await floor.runs.launch_due()
        assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people WHERE customer_id = $1", one) == sent
    assert len(await occurrences(floor, number)) == 3


async def test_what_an_event_begins_listens_without_people(floor: ShopFloor) -> None:
    await floor.people(2)
    made = await running(floor, OnEvent(event="Order Completed"))
    assert (made.summary.state, made.summary.version, made.summary.next_at) == (State.SENDING, 1, None)
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 0
    assert await floor.runs.launch_due() == 0


async def test_versions_are_compared_in_a_dry_run_too(floor: ShopFloor) -> None:
    await floor.people(2)
    two = tuple(Variant(name=name, share=50, content=Content(ja=Text(name, "b"))) for name in "AB")
    made = await floor.campaign(variants=two, content=Content())
    assert (await floor.desk.dry_run(made.summary.campaign_id)).samples[0].title == "A"


async def test_the_global_holdout_gets_no_campaign_at_all(floor: ShopFloor) -> None:
    await floor.settings(global_holdout_percent=30.0)
    ids = await floor.people(60)
    numbers = [await floor.launched(name, content=TEA) for name in ("Tea", "Coffee")]
    out = await floor.pool.fetch(
        "SELECT campaign_id, customer_id FROM campaign_people WHERE left_out = 'global_holdout' ORDER BY customer_id"
    )
    first, second = ({row["customer_id"] for row in out if row["campaign_id"] == number} for number in numbers)
    assert first == second
    assert 5 < len(first) < len(ids) / 2
    notice = await floor.launched("Notice", content=TEA, priority=Priority.SERVICE)
    assert (await floor.desk.report(notice)).people.left_out.get("global_holdout") is None


class NoAudience(HeldAudience):
    """Gives an error for members."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def members(
        self, segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        raise self.error


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (RuleError("trait plan is no trait"), State.FAILED, "segment_broken"),
        (NotFound("no facts yet", code="no_facts"), State.SCHEDULED, None),
    ],
)
async def test_what_can_never_be_launched_fails_and_what_may_be_waits(
    floor: ShopFloor, error: Exception, state: State, reason: str | None
) -> None:
    made = (await floor.campaign()).summary
    await floor.desk.send_now(made.campaign_id, revision=made.revision, by="test")
    runs = CampaignRuns(floor.pool, floor.clock, audiences=NoAudience(error))
    assert await runs.launch_due() == 0
    told = (await floor.desk.get(made.campaign_id)).summary
    assert (told.state, told.failed_reason) == (state, reason)


async def test_an_archived_segment_ends_what_repeats(floor: ShopFloor) -> None:
    await floor.people(2)
    made = await running(floor, DAILY)
    await floor.pool.execute("UPDATE segments SET archived_at = now() WHERE segment_id = $1", made.summary.segment_id)
    floor.clock.advance(DAY)
    assert await floor.runs.launch_due() == 0
    told = (await floor.desk.get(made.summary.campaign_id)).summary
    assert (told.state, told.failed_reason, told.finished_at) == (State.FAILED, "segment_archived", floor.clock.now())
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people WHERE state = 'planned'") == 0
