"""Launches of campaigns that repeat which outgrew their approval: they wait, alone, for a second person, and for no longer than they live."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from backend.errors import BadInput, Conflict
from campaigns.campaign import Content, State, Text
from campaigns.overview import CampaignDetail, WaitingLaunch
from campaigns.trigger import Recurring
from tests.fixtures.shop_floor import NOON, ShopFloor

TEA = Content(ja=Text("お茶", "入荷しました"))
DAILY = Recurring(rrule="FREQ=DAILY", starts_at=NOON)
DAY = timedelta(days=1)


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    """A daily campaign for two people, in a shop where three are enough for one person to decide about."""
    floor = ShopFloor(pool)
    await floor.settings(approval_above=3)
    await floor.people(2)
    return floor


async def running(floor: ShopFloor, *, trigger: Recurring = DAILY) -> int:
    made = (await floor.campaign(trigger=trigger, content=TEA)).summary
    asked = await floor.desk.send_now(made.campaign_id, revision=made.revision, by="mika")
    if asked.summary.state is State.AWAITING_APPROVAL:
        await floor.desk.approve(made.campaign_id, by="ken")
    await floor.runs.launch_due()
    return made.campaign_id


async def next_day(floor: ShopFloor) -> int:
    floor.clock.advance(DAY)
    return await floor.runs.launch_due()


async def targeted(floor: ShopFloor) -> list[int]:
    rows = await floor.pool.fetch("SELECT targeted FROM campaign_occurrences ORDER BY occurrence")
    return [row["targeted"] for row in rows]


async def waiting(floor: ShopFloor, number: int) -> tuple[WaitingLaunch, ...]:
    found: CampaignDetail = await floor.desk.get(number)
    assert found.summary.waiting == len(found.waiting)
    return found.waiting


async def test_a_launch_that_outgrew_waits_alone_until_a_second_person_says_yes(floor: ShopFloor) -> None:
    await floor.pool.execute(
        """INSERT INTO webhook_endpoints (url, event_types, secret, created_at, created_by)
           VALUES ('https://crm.example', '{campaign.launch_waiting}', 's', $1, 'test')""",
        NOON,
    )
    number = await running(floor)
    await floor.drain()
    await floor.people(4)
    assert await next_day(floor) == 0
    (held,) = await waiting(floor, number)
    at = NOON + DAY
    assert held == WaitingLaunch(
        occurrence=int(at.timestamp()) // 60, planned_at=at, people=6, approved_for=None, expires_at=at + DAY
    )
    body = await floor.pool.fetchval("SELECT body FROM webhook_messages")
    assert '"type":"campaign.launch_waiting"' in body
    assert '"people":6' in body
    with pytest.raises(Conflict, match="Somebody other"):
        await floor.desk.approve_launch(number, held.occurrence, by="test")
    floor.audience.frame = floor.audience.frame.head(3)
    told = await floor.desk.approve_launch(number, held.occurrence, by="ken", comment="fine")
    assert (told.waiting, told.review.by, told.review.audience) == ((), "ken", 6)
    assert sum(await asyncio.gather(*(floor.runs.launch_due() for _ in range(3)))) == 1
    assert await targeted(floor) == [2, 3], "the people of now, once"
    with pytest.raises(Conflict, match="does not wait"):
        await floor.desk.approve_launch(number, held.occurrence, by="ken")
    await floor.drain()
    assert len(floor.sender.sent) == 5
    audited = await floor.pool.fetch("SELECT actor FROM audit_log WHERE action = 'campaign.approve_launch'")
    assert [row["actor"] for row in audited] == ["ken"]


async def test_the_others_go_on_and_an_approval_counts_for_later_ones(floor: ShopFloor) -> None:
    number = await running(floor)
    await floor.people(4)
    await next_day(floor)
    everyone, floor.audience.frame = floor.audience.frame, floor.audience.frame.head(2)
    assert await next_day(floor) == 1, "one that did not outgrow waits for nobody"
    assert await targeted(floor) == [2, 2]
    assert await waiting(floor, number) == (), "the first has lived as long as its messages would have"
    floor.audience.frame = everyone
    await next_day(floor)
    (held,) = await waiting(floor, number)
    await floor.desk.approve_launch(number, held.occurrence, by="ken")
    assert await floor.runs.launch_due() == 1
    await floor.people(6)
    assert await next_day(floor) == 1, "twelve are twice as many as six"
    await floor.people(1)
    assert await next_day(floor) == 0
    assert [each.approved_for for each in await waiting(floor, number)] == [6]


async def test_the_first_launch_goes_by_what_was_approved(floor: ShopFloor) -> None:
    await floor.people(4)
    number = await running(floor)
    assert await targeted(floor) == [6]
    await floor.people(6)
    assert await next_day(floor) == 1
    await floor.people(1)
    assert await next_day(floor) == 0
    assert [each.people for each in await waiting(floor, number)] == [13]


async def test_a_no_passes_one_launch_over_and_nobody_waits_for_ever(floor: ShopFloor) -> None:
    twice = Recurring(rrule="FREQ=DAILY;COUNT=2", starts_at=NOON)
    number = await running(floor, trigger=twice)
    await floor.drain()
    await floor.people(4)
    await next_day(floor)
    await floor.drain()
    assert await floor.state(number) == "sending", "its last launch may still come"
    (held,) = await waiting(floor, number)
    with pytest.raises(BadInput, match="Say why"):
        await floor.desk.reject_launch(number, held.occurrence, by="ken", comment=" ")
    await floor.desk.reject_launch(number, held.occurrence, by="ken", comment="an import went wrong")
    await floor.runs.launch_due()
    await floor.drain()
    assert await floor.state(number) == "sent"
    assert await targeted(floor) == [2]


async def test_a_launch_that_nobody_looked_at_in_time_is_passed_over(floor: ShopFloor) -> None:
    number = await running(floor, trigger=Recurring(rrule="FREQ=DAILY;INTERVAL=5", starts_at=NOON))
    await floor.people(4)
    floor.clock.advance(4 * DAY)
    await next_day(floor)
    (held,) = await waiting(floor, number)
    floor.clock.advance(DAY)
    with pytest.raises(Conflict, match="does not wait"):
        await floor.desk.approve_launch(number, held.occurrence, by="ken")
    await floor.runs.launch_due()
    assert await waiting(floor, number) == ()
    assert await floor.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'campaign.launch_passed_over'") == 1


async def test_what_outgrew_its_yes_before_it_went_out_waits_again_and_a_pause_holds_it(floor: ShopFloor) -> None:
    number = await running(floor)
    await floor.people(4)
    await next_day(floor)
    (held,) = await waiting(floor, number)
    await floor.desk.approve_launch(number, held.occurrence, by="ken")
    await floor.desk.pause(number, by="mika")
    assert await floor.runs.launch_due() == 0
    await floor.desk.resume(number, by="mika")
    await floor.people(7)
    assert await floor.runs.launch_due() == 0
    assert [(each.people, each.approved_for) for each in await waiting(floor, number)] == [(13, 6)]
    await floor.desk.cancel(number, by="mika")
    await floor.runs.launch_due()
    assert await floor.pool.fetchval("SELECT count(*) FROM waiting_launches") == 0


async def test_a_new_version_that_was_approved_counts_for_its_people(floor: ShopFloor) -> None:
    number = await running(floor)
    await floor.people(4)
    now = await floor.desk.get(number)
    later = replace(now.draft, content=Content(ja=Text("新茶", "入荷しました")))
    proposed = await floor.desk.publish(number, later, revision=now.summary.revision, by="mika")
    assert proposed.review.proposal is not None
    await floor.desk.approve(number, by="ken")
    assert await next_day(floor) == 1
    assert await targeted(floor) == [2, 6]
