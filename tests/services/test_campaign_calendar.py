"""The calendar shows what went out and what is to come, once each; the view on frequency counts people, not devices."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.errors import BadInput
from backend.services.campaign_desk.calendar import CampaignCalendar
from campaigns.agenda import Mark
from campaigns.terms import ConsentRule
from campaigns.trigger import OnDate, OnEvent, Recurring
from tests.fixtures.shop_floor import NOON, ShopFloor

TODAY = date(2026, 6, 30)


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings(day_starts=4)
    return floor


@pytest.fixture
def calendar(floor: ShopFloor) -> CampaignCalendar:
    return CampaignCalendar(floor.pool, floor.clock)


async def scheduled(floor: ShopFloor, name: str, at: datetime, **changes: Any) -> int:
    made = (await floor.campaign(name, **changes)).summary
    await floor.desk.schedule(made.campaign_id, at=at, revision=made.revision, by="test")
    return made.campaign_id


async def test_what_went_out_and_what_is_to_come_stand_on_their_days(
    floor: ShopFloor, calendar: CampaignCalendar
) -> None:
    await floor.people(3)
    sent = await floor.launched("Sent", holdout_percent=50.0)
    night = await scheduled(floor, "Night", datetime(2026, 7, 1, 18, tzinfo=UTC))  # 3:00 in Tokyo: still 1 July
    weekly = Recurring(rrule="FREQ=WEEKLY;BYDAY=FR", starts_at=datetime(2026, 6, 1, 1, tzinfo=UTC))
    fridays = await scheduled(floor, "Fridays", NOON, trigger=weekly)
    birthdays = await scheduled(floor, "Birthdays", NOON, trigger=OnDate(date="birthday", at="10:00"))
    visits = await scheduled(floor, "Visits", NOON, trigger=OnEvent(event="Store Visited"))
    await floor.campaign("Only a draft")
    agenda = await calendar.agenda(TODAY, TODAY + timedelta(days=13))
    (first,) = agenda.of(TODAY)
    assert (first.campaign_id, first.mark, first.targeted) == (sent, Mark.SENT, 3)
    planned = {}
    for item in agenda.items:
        if item.mark is Mark.PLANNED:
            planned.setdefault(item.campaign_id, []).append(item.day)
    assert planned[night] == [date(2026, 7, 1)]
    assert planned[fridays] == [date(2026, 7, 3), date(2026, 7, 10)]
    assert planned[birthdays] == [TODAY + timedelta(days=number) for number in range(1, 14)]
    assert visits not in planned
    assert [one.campaign_id for one in agenda.standing] == [visits]
    assert list(agenda.items) == sorted(agenda.items, key=lambda item: (item.day, item.at, item.campaign_id))


async def test_entries_of_triggers_are_counted_by_day(floor: ShopFloor, calendar: CampaignCalendar) -> None:
    ids = await floor.people(5)
    number = await scheduled(floor, "Visits", NOON, trigger=OnEvent(event="Store Visited"))
    for place, one in enumerate(ids):
        at = NOON + timedelta(days=place // 3, hours=place)
        await floor.pool.execute(
            """INSERT INTO campaign_people (customer_id, campaign_id, occurrence, arm, state, planned_at, not_before, expires_at,
                   changed_at) VALUES ($1, $2, $3, $4, 'planned', $5, $5, $5, $5)""",
            one,
            number,
            100 + place,
            "control" if place == 0 else "treated",
            at,
        )
    agenda = await calendar.agenda(TODAY, TODAY + timedelta(days=1))
    assert [(item.day, item.targeted, item.control) for item in agenda.items] == [
        (TODAY, 3, 1),
        (TODAY + timedelta(days=1), 2, 0),
    ]


async def test_a_journey_stands_on_the_days_of_its_pushes_not_on_that_of_its_launch_too(
    floor: ShopFloor, calendar: CampaignCalendar
) -> None:
    await floor.people(3)
    number = await floor.launched("Steps")
    await floor.pool.execute("UPDATE campaigns SET kind = 'journey' WHERE campaign_id = $1", number)
    await floor.pool.execute(
        "UPDATE campaign_people SET occurrence = 1000 * customer_id WHERE campaign_id = $1", number
    )
    agenda = await calendar.agenda(TODAY, TODAY)
    assert [(item.campaign_id, item.targeted) for item in agenda.items] == [(number, 3)]


async def test_pushes_count_once_a_person_however_many_phones(floor: ShopFloor, calendar: CampaignCalendar) -> None:
    many = await floor.people(4, phones=2)
    await floor.people(3)
    floor.audience.frame = floor.audience.frame.filter(floor.audience.frame["customer_id"].is_in(many))
    for name in ("One", "Two"):
        await floor.launched(name)
        await floor.drain()
    seen = await calendar.fatigue(weeks=2)
    assert seen.reachable == 7
    this, before = seen.weeks
    assert (this.last, this.people[:3], this.pushes, this.per_person) == (TODAY, (3, 0, 4), 8, 2.0)
    assert (before.reached, before.per_person, before.people[0]) == (0, None, 7)


async def test_who_can_be_reached_follows_the_shop_s_consent_rule(floor: ShopFloor, calendar: CampaignCalendar) -> None:
    await floor.people(3)
    await floor.people(2, consent=False)
    await floor.consent(await floor.people(1, consent=False), granted=False)
    assert (await calendar.fatigue()).reachable == 3
    await floor.settings(consent_rule=ConsentRule.PERMISSION)
    assert (await calendar.fatigue()).reachable == 5


async def test_who_took_back_the_yes_within_a_week_of_a_push_is_seen(
    floor: ShopFloor, calendar: CampaignCalendar
) -> None:
    ids = await floor.people(40)
    number = await floor.launched("Tea", holdout_percent=50.0)
    await floor.drain()
    arms = dict(await floor.pool.fetch("SELECT customer_id, arm FROM campaign_people"))
    treated = [one for one in ids if arms[one] == "treated"]
    control = [one for one in ids if arms[one] == "control"]
    for place, (one, days) in enumerate([(treated[0], 3), (treated[1], 8), (control[0], 3)]):
        await floor.pool.execute(
            """INSERT INTO consent_words (customer_id, purpose, channel, granted, source_id, said_at, seq)
               VALUES ($1, 'marketing', 'push', false, 1, $2, $3)""",
            one,
            NOON + timedelta(days=days),
            1_000 + place,
        )
    floor.clock.advance(timedelta(days=10))
    seen = await calendar.fatigue(weeks=2)
    (tea,) = seen.campaigns
    assert (tea.campaign_id, tea.treated, tea.treated_out) == (number, len(treated), 1)
    assert (tea.control, tea.control_out) == (len(control), 1)
    assert [(week.opted_out, week.after_push) for week in seen.weeks] == [(1, 0), (2, 1)]


async def test_spans_that_cannot_be_are_refused(calendar: CampaignCalendar) -> None:
    for first, last in ((TODAY, TODAY - timedelta(days=1)), (TODAY, TODAY + timedelta(days=100))):
        with pytest.raises(BadInput):
            await calendar.agenda(first, last)
    for weeks in (0, 27):
        with pytest.raises(BadInput):
            await calendar.fatigue(weeks=weeks)
