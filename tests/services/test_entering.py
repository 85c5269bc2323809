"""People who enter one by one: the gates with their reasons, one arm for the whole campaign, nothing twice."""

from datetime import time, timedelta
from typing import Any

import asyncpg
import pytest

from backend.errors import NotFound
from backend.store import campaign_drafts
from campaigns.campaign import Content, Draft, Priority, Text, Variant
from campaigns.entries import Entry, Planned
from campaigns.experiment import ArmName, arm
from tests.fixtures.shop_floor import CONTENT, ShopFloor


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings(cap_24h=1, cap_7d=3)
    return floor


async def running(floor: ShopFloor, name: str = "Welcome", **changes: Any) -> int:
    """A campaign that is sending, with a first version and nobody in it yet."""
    values: dict[str, Any] = {"content": CONTENT, "holdout_percent": 0.0} | changes
    draft = Draft(name=name, segment_id=await floor.segment(), **values)
    async with floor.pool.acquire() as connection:
        number = await campaign_drafts.insert(connection, draft, salt=f"salt {name}", now=floor.clock.now(), by="test")
        await campaign_drafts.publish(connection, draft, campaign_id=number, now=floor.clock.now(), by="test")
    await floor.pool.execute(
        "UPDATE campaigns SET state = 'sending', kind = 'event', planned_at = $2 WHERE campaign_id = $1",
        number,
        floor.clock.now(),
    )
    return number


async def enter(
    floor: ShopFloor, campaign_id: int, *customers: int, occurrence: int = 7, step: int = 0, **values: Any
) -> list[Planned]:
    entries = [
        Entry(customer_id=one, occurrence=occurrence, planned_at=floor.clock.now(), values=values) for one in customers
    ]
    async with floor.pool.acquire() as connection, connection.transaction():
        return await floor.runs.plan_entries(connection, campaign_id=campaign_id, version=1, step=step, entries=entries)


async def test_who_passes_is_sent_to_and_who_does_not_has_the_reason(floor: ShopFloor) -> None:
    await floor.settings(cap_24h=1, cap_7d=3)
    (good,) = await floor.people(1)
    (silent,) = await floor.people(1, consent=False)
    (phoneless,) = await floor.people(1, phones=0)
    (nameless,) = await floor.people(1, family_name="")
    campaign_id = await running(floor)
    made = await enter(floor, campaign_id, good, silent, phoneless, nameless, 999)
    assert [one.left_out for one in made] == [None, "consent", "address", "missing_field", "gone"]
    assert made[0].arm is ArmName.TREATED
    await floor.drain()
    assert [m.address for m in floor.sender.sent] == [f"phone-{good}-0"]
    assert await floor.state(campaign_id) == "sending"
    report = await floor.desk.report(campaign_id)
    assert (report.people.accepted, report.people.left_out_total, report.people.targeted) == (1, 4, 5)


async def test_an_entry_is_planned_once_however_often_it_is_asked_for(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    campaign_id = await running(floor)
    first = await enter(floor, campaign_id, one)
    await floor.drain()
    await floor.consent([one], granted=False)
    assert await enter(floor, campaign_id, one) == first
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 1
    await floor.drain()
    assert len(floor.sender.sent) == 1


async def test_a_customer_keeps_the_arm_through_the_campaign(floor: ShopFloor) -> None:
    await floor.settings()
    ids = await floor.people(60)
    campaign_id = await running(floor, holdout_percent=40.0)
    first = await enter(floor, campaign_id, *ids, step=0)
    drawn = [arm("salt Welcome", one, holdout_percent=40.0) for one in ids]
    assert [one.arm for one in first] == drawn
    assert ArmName.CONTROL in drawn
    await floor.pool.execute("UPDATE campaigns SET salt = 'another'")
    second = await enter(floor, campaign_id, *ids, step=2)
    third = await enter(floor, campaign_id, *ids, occurrence=8)
    assert [one.arm for one in second] == [one.arm for one in third] == drawn


async def test_steps_and_occurrences_are_pushes_of_their_own_for_the_cap(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    campaign_id = await running(floor)
    await enter(floor, campaign_id, one)
    await floor.drain()
    assert [each.left_out for each in await enter(floor, campaign_id, one, occurrence=8)] == ["frequency_cap"]
    assert [each.left_out for each in await enter(floor, campaign_id, one, step=1)] == ["frequency_cap"]


async def test_service_notices_need_no_consent_to_marketing_and_neither_count_nor_are_counted(floor: ShopFloor) -> None:
    (one,) = await floor.people(1, consent=False)
    notice = await running(floor, "Notice", priority=Priority.SERVICE)
    for occurrence in (1, 2):
        assert (await enter(floor, notice, one, occurrence=occurrence))[0].left_out is None
        await floor.drain()
    await floor.consent([one], granted=True)
    offer = await running(floor, "Offer")
    assert (await enter(floor, offer, one))[0].left_out is None
    await floor.drain()
    assert len(floor.sender.sent) == 3
    await floor.pool.execute("INSERT INTO consents VALUES ($1, 'service', 'push', false, 1, now())", one)
    assert (await enter(floor, notice, one, occurrence=3))[0].left_out == "consent"


async def test_high_priority_is_capped_among_its_own_alone(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    normal, high = await running(floor, "Normal"), await running(floor, "High", priority=Priority.HIGH)
    await enter(floor, normal, one)
    await floor.drain()
    assert (await enter(floor, normal, one, occurrence=8))[0].left_out == "frequency_cap"
    assert (await enter(floor, high, one))[0].left_out is None
    await floor.drain()
    assert (await enter(floor, high, one, occurrence=8))[0].left_out == "frequency_cap"
    assert len(floor.sender.sent) == 2


async def test_values_that_the_caller_knows_are_shown(floor: ShopFloor) -> None:
    (one,) = await floor.people(1)
    campaign_id = await running(floor, content=Content(ja=Text("{{ rank }}会員様", "{{ points }}ポイント")))
    assert (await enter(floor, campaign_id, one))[0].left_out == "missing_field"
    await enter(floor, campaign_id, one, occurrence=8, rank="ゴールド", points=5, password="secret")
    await floor.drain()
    assert [(m.title, m.body) for m in floor.sender.sent] == [("ゴールド会員様", "5ポイント")]
    assert "secret" not in str(await floor.pool.fetch("SELECT merge_fields FROM campaign_people"))


async def test_quiet_hours_move_the_moment_in_the_persons_own_zone(floor: ShopFloor) -> None:
    await floor.settings(quiet_from=time(11), quiet_until=time(14))
    here, there = await floor.people(2)
    await floor.pool.execute("UPDATE devices SET time_zone = 'America/New_York' WHERE customer_id = $1", there)
    campaign_id = await running(floor)
    made = await enter(floor, campaign_id, here, there)
    assert [one.not_before - floor.clock.now() for one in made] == [timedelta(hours=2), timedelta(0)]
    await floor.drain()
    assert [m.address for m in floor.sender.sent] == [f"phone-{there}-0"]
    floor.clock.advance(timedelta(hours=2))
    await floor.drain()
    assert len(floor.sender.sent) == 2


async def test_variants_stay_with_the_person_and_are_sent(floor: ShopFloor) -> None:
    await floor.settings()
    ids = await floor.people(40)
    variants = tuple(
        Variant(name=name, share=50.0, content=Content(ja=Text(f"{name}の案内", "本文"))) for name in ("A", "B")
    )
    campaign_id = await running(floor, variants=variants)
    first = await enter(floor, campaign_id, *ids)
    second = await enter(floor, campaign_id, *ids, occurrence=8)
    assert [one.variant for one in first] == [one.variant for one in second]
    assert {one.variant for one in first} == {"A", "B"}
    await floor.drain()
    expected = sorted([f"{one.variant}の案内" for one in first] * 2)
    assert sorted(m.title for m in floor.sender.sent) == expected


async def test_nothing_goes_to_whom_shall_be_erased_while_the_erasure_is_under_way(floor: ShopFloor) -> None:
    await floor.settings()
    planned, entering, stays = await floor.people(3)
    before = await running(floor, "Before")
    await enter(floor, before, planned)
    asked = "UPDATE customers SET erased_at = $2 WHERE customer_id = ANY ($1)"
    await floor.pool.execute(asked, [planned, entering], floor.clock.now())
    assert [one.left_out for one in await enter(floor, before, entering)] == ["gone"]
    launched = await floor.launched("After")  # the segment still names all three
    await floor.drain()
    assert [m.address for m in floor.sender.sent] == [f"phone-{stays}-0"]
    left = await floor.pool.fetch(
        "SELECT reason FROM campaign_people WHERE campaign_id = $1 ORDER BY customer_id", before
    )
    assert [row[0] for row in left] == ["gone", None]
    assert await floor.states(launched) == {"accepted": 1}
    with pytest.raises(NotFound):
        await floor.desk.test_send(launched, customer_id=planned, by="test")
