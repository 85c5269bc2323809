"""The desk and the launcher: revisions, states, dry runs that come true, test sends, reports."""

import asyncio
from dataclasses import replace
from datetime import date, time, timedelta

import asyncpg
import msgspec
import polars as pl
import pytest

from backend.cli.campaign_texts import tell_dry_run, tell_report
from backend.errors import BadInput, Conflict, NotFound
from campaigns import report_table
from campaigns.campaign import Content, State, Text
from campaigns.effect import Verdict
from campaigns.intervals import IntervalKind
from segments.reduce.latest import latest_columns
from tests.fixtures.shop_floor import CONTENT, NOON, ShopFloor, fact_frame


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


async def test_an_edit_names_the_revision_it_was_made_from(floor: ShopFloor) -> None:
    made = await floor.campaign()
    changed = replace(made.draft, name="Coffee", conversion_days=3, content=Content(en=Text("Hi", "there")))
    edited = await floor.desk.edit(made.summary.campaign_id, changed, revision=made.summary.revision, by="me")
    assert edited.draft == changed
    with pytest.raises(Conflict) as refused:
        await floor.desk.edit(made.summary.campaign_id, changed, revision=made.summary.revision, by="you")
    assert refused.value.code == "campaign_changed"


async def test_an_edit_takes_a_scheduled_campaign_back_to_draft(floor: ShopFloor) -> None:
    made = await floor.campaign()
    later = floor.clock.now() + timedelta(days=1)
    set_up = await floor.desk.schedule(made.summary.campaign_id, at=later, revision=made.summary.revision, by="me")
    assert set_up.summary.state is State.SCHEDULED
    edited = await floor.desk.edit(made.summary.campaign_id, made.draft, revision=set_up.summary.revision, by="me")
    assert edited.summary.state is State.DRAFT


async def test_what_does_not_stand_is_refused_with_its_field(floor: ShopFloor) -> None:
    made = await floor.campaign()
    with pytest.raises(Conflict, match="already a campaign") as taken:
        await floor.campaign()
    assert taken.value.field == "name"
    with pytest.raises(BadInput) as no_segment:
        await floor.desk.create(replace(made.draft, name="New", segment_id=99), by="me")
    assert no_segment.value.field == "segment_id"
    bad = Content(ja=Text("{{ 性 }}", "b"))
    with pytest.raises(BadInput, match="Line 1") as bad_text:
        await floor.desk.create(replace(made.draft, name="New", content=bad), by="me")
    assert bad_text.value.field == "content.ja.title"
    with pytest.raises(NotFound):
        await floor.desk.get(99)
    with pytest.raises(Conflict, match="A campaign that is draft cannot pause"):
        await floor.desk.pause(made.summary.campaign_id, by="me")


async def test_every_change_is_audited(floor: ShopFloor) -> None:
    campaign_id = await floor.launched()
    await floor.desk.pause(campaign_id, by="mika")
    rows = await floor.pool.fetch("SELECT actor, action FROM audit_log WHERE action LIKE 'campaign%' ORDER BY audit_id")
    assert [tuple(row) for row in rows] == [
        ("test", "campaign.create"),
        ("test", "campaign.schedule"),
        ("mika", "campaign.pause"),
    ]


async def test_a_dry_run_adds_up_and_comes_true(floor: ShopFloor) -> None:
    await floor.settings(cap_24h=1, cap_7d=3)
    await floor.people(100)
    await floor.people(20, consent=False)
    await floor.people(10, phones=0)
    await floor.people(5, family_name="")
    (merged,) = await floor.people(1)
    await floor.pool.execute("UPDATE customers SET merged_into = 1 WHERE customer_id = $1", merged)
    made = await floor.campaign(holdout_percent=30.0)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert {gone.reason: gone.people for gone in seen.removed} == {
        "gone": 1,
        "consent": 20,
        "address": 10,
        "missing_field": 5,
    }
    assert seen.segment_size == 136 == seen.control + seen.treated + sum(gone.people for gone in seen.removed)
    assert seen.samples[0].title == "佐藤様へ"
    assert seen.samples[0].body == "お気に入りが入荷しました"
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 0
    await floor.desk.send_now(made.summary.campaign_id, revision=seen.revision, by="me")
    await floor.runs.launch_due()
    await floor.drain()
    report = await floor.desk.report(made.summary.campaign_id)
    people = report.people
    assert (people.targeted, people.control, people.accepted) == (136, seen.control, seen.treated)
    assert [(gone.reason, gone.people) for gone in report.removed] == [
        (gone.reason, gone.people) for gone in seen.removed
    ]
    assert report.devices == {"accepted": seen.devices}


async def test_quiet_hours_are_told_before_and_kept_after(floor: ShopFloor) -> None:
    await floor.settings(quiet_from=time(11), quiet_until=time(14))
    await floor.people(3)
    made = await floor.campaign(holdout_percent=50.0)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert seen.deferred_until == floor.clock.now() + timedelta(hours=2)
    assert seen.known_since is None
    floor.audience.known_since = date(2026, 3, 1)
    lacking = await floor.desk.dry_run(made.summary.campaign_id)
    assert lacking.known_since == date(2026, 3, 1)
    assert "before 2026-03-01" in tell_dry_run(lacking)
    await floor.desk.send_now(made.summary.campaign_id, revision=seen.revision, by="me")
    await floor.runs.launch_due()
    await floor.drain()
    assert floor.sender.sent == []
    moments = await floor.pool.fetch("SELECT DISTINCT planned_at FROM campaign_people")
    assert [row[0] for row in moments] == [seen.deferred_until]
    floor.clock.advance(timedelta(hours=2))
    await floor.drain()
    assert len(floor.sender.sent) == seen.treated


async def test_a_night_that_outlives_the_message_leaves_everyone_out(floor: ShopFloor) -> None:
    await floor.settings(quiet_from=time(11), quiet_until=time(14))
    await floor.people(3)
    campaign_id = await floor.launched(expires_after=timedelta(hours=1))
    await floor.drain()
    assert (await floor.desk.report(campaign_id)).people.left_out == {"expiry": 3}
    assert await floor.state(campaign_id) == "sent"


async def test_the_base_rate_and_the_holdout_come_from_the_segment(floor: ShopFloor) -> None:
    ids = await floor.people(40)
    today = floor.clock.now().date()
    days = [[today] if n % 4 == 0 else [] for n in range(len(ids))]
    lists = pl.Series("days:Order Completed", days, dtype=pl.List(pl.Date))
    floor.audience.frame = floor.audience.frame.with_columns(lists).with_columns(latest_columns(["Order Completed"]))
    floor.audience.day = today
    made = await floor.campaign(holdout_percent=50.0)
    seen = await floor.desk.dry_run(made.summary.campaign_id)
    assert seen.base_rate == 0.25
    assert seen.smallest_effect is not None
    assert seen.smallest_effect > 0.2
    assert seen.suggested_holdout is None


async def test_many_launchers_launch_once(floor: ShopFloor) -> None:
    await floor.people(50)
    made = await floor.campaign(holdout_percent=20.0)
    await floor.desk.send_now(made.summary.campaign_id, revision=made.summary.revision, by="me")
    launched = await asyncio.gather(*(floor.runs.launch(made.summary.campaign_id) for _ in range(5)))
    assert sorted(launched) == [False] * 4 + [True]
    assert await floor.pool.fetchval("SELECT count(*) FROM campaign_people") == 50


async def test_an_edit_during_the_launch_wins(floor: ShopFloor) -> None:
    await floor.people(5)
    made = await floor.campaign()
    number = made.summary.campaign_id
    sent = await floor.desk.send_now(number, revision=made.summary.revision, by="me")
    members = floor.audience.members

    async def edited_meanwhile(segment_id: int, *, columns: tuple[str, ...]) -> object:
        await floor.desk.edit(number, made.draft, revision=sent.summary.revision, by="you")
        return await members(segment_id, columns=columns)

    floor.audience.members = edited_meanwhile  # type: ignore[method-assign,assignment]  # the moment in between
    assert not await floor.runs.launch(number)
    assert await floor.state(number) == "draft"


async def test_a_launch_that_fails_does_not_hold_up_the_others(floor: ShopFloor) -> None:
    await floor.people(1)
    first, second = await floor.campaign("First"), await floor.campaign("Second")
    for made in (first, second):
        await floor.desk.send_now(made.summary.campaign_id, revision=made.summary.revision, by="me")
    members = floor.audience.members

    async def first_segment_is_gone(segment_id: int, *, columns: tuple[str, ...]) -> object:
        if segment_id == first.draft.segment_id:
            raise NotFound("gone")
        return await members(segment_id, columns=columns)

    floor.audience.members = first_segment_is_gone  # type: ignore[method-assign,assignment]  # a fault of one
    assert await floor.runs.launch_due() == 1
    assert await floor.state(second.summary.campaign_id) == "sending"


async def test_a_test_send_skips_quiet_hours_and_cap_counts_nowhere_and_says_so(floor: ShopFloor) -> None:
    await floor.settings(quiet_from=time(11), quiet_until=time(14), cap_24h=1, cap_7d=1)
    (person,) = await floor.people(1, phones=2)
    made = await floor.campaign(content=msgspec.structs.replace(CONTENT, coupon_id="tea10"))
    tried = await floor.desk.test_send(made.summary.campaign_id, customer_id=person, by="mika")
    assert [device.outcome for device in tried.devices] == ["accepted", "accepted"]
    assert "テスト送信" in tried.note.ja
    assert {m.title for m in floor.sender.sent} == {"佐藤様へ"}
    assert floor.sender.sent[0].data == {
        "campaign_id": str(made.summary.campaign_id),
        "delivery_id": "0",
        "message_id": f"{made.summary.campaign_id}-1-0",
        "coupon_id": "tea10",
    }
    assert await floor.pool.fetchval("SELECT count(*) FROM test_sends WHERE sent_by = 'mika'") == 2
    assert await floor.pool.fetchval("SELECT count(*) FROM deliveries") == 0
    with pytest.raises(NotFound):
        await floor.desk.test_send(made.summary.campaign_id, customer_id=99, by="mika")
    (without,) = await floor.people(1, phones=0)
    with pytest.raises(Conflict, match="no live device"):
        await floor.desk.test_send(made.summary.campaign_id, customer_id=without, by="mika")


async def test_the_report_follows_both_arms(floor: ShopFloor) -> None:
    ids = await floor.people(40)
    campaign_id = await floor.launched(holdout_percent=50.0, conversion_event="Store Visited")
    await floor.drain()
    arms = dict(await floor.pool.fetch("SELECT customer_id, arm FROM campaign_people"))
    treated = [one for one in ids if arms[one] == "treated"]
    control = [one for one in ids if arms[one] == "control"]
    soon = floor.clock.now() + timedelta(hours=1)
    rows = [{"customer_id": one, "event": "Store Visited", "occurred_at": soon} for one in (*treated[:6], *control[:2])]
    tap = {"event": "Push Notification Tapped", "occurred_at": soon, "campaign_id": campaign_id, "delivery_id": 1}
    floor.facts.frame = fact_frame([*rows, tap | {"customer_id": treated[0]}])
    collecting = await floor.desk.report(campaign_id)
    assert collecting.effect is not None
    assert collecting.effect.verdict is Verdict.TOO_SMALL
    assert (collecting.effect.interval_kind, collecting.effect.amount_interval) == (IntervalKind.ALWAYS_VALID, None)
    assert collecting.effect.interval is not None
    floor.facts.moment = floor.clock.now() + timedelta(days=7)
    told = await floor.desk.report(campaign_id)
    assert told.effect is not None
    assert (told.effect.treated.conversions, told.effect.control.conversions) == (6, 2)
    assert told.effect.verdict is Verdict.TOO_SMALL
    assert told.effect.interval is not None
    assert told.effect.interval_kind is IntervalKind.NEWCOMBE
    assert told.opens is not None
    assert (told.opens.direct, told.opens.of) == (1, len(treated))
    floor.facts.since = NOON.date()
    assert (await floor.desk.report(campaign_id)).effect == told.effect
    floor.facts.since = NOON.date() + timedelta(days=1)  # the day of the launch was dropped
    dropped = await floor.desk.report(campaign_id)
    assert (dropped.dropped, dropped.opens, dropped.effect, dropped.received) == (True, None, None, 0)
    assert dropped.people == told.people
    assert "were dropped" in tell_report(dropped)
    found = {(row["section"], row["item"]): row["text"] for row in report_table.table(dropped).to_dicts()}
    assert found["campaign", "note"] == "raw_dropped"
    assert ("opens", "received") not in found


async def test_the_list_shows_the_last_changed_first(floor: ShopFloor) -> None:
    await floor.campaign("Old")
    floor.clock.advance(timedelta(minutes=1))
    await floor.campaign("New")
    assert [each.name for each in await floor.desk.list()] == ["New", "Old"]
