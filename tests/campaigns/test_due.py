"""When campaigns are due, and whose date a day is: against a slow reference, and where calendars and clocks are odd."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.campaign import Content, Draft, Text, check_draft
from campaigns.dates import columns_of, whose_date
from campaigns.errors import DraftIncomplete
from campaigns.schedule import Due, latest_due, next_due
from campaigns.trigger import Once, OnDate, OnEvent, Recurring, Trigger

TOKYO = "Asia/Tokyo"
ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Santiago")


def draft(trigger: Trigger, **more: object) -> Draft:
    made = Draft(name="Tea", segment_id=1, content=Content(ja=Text("t", "b")), trigger=trigger)
    return replace(made, **more)  # type: ignore[arg-type]  # values of many types


def minute_by_minute(asked: Draft, *, after: datetime, zone: str) -> datetime | None:
    """The first minute whose local time is one of the campaign's: no such time of theirs is skipped by clocks."""
    clock, moment = ZoneInfo(zone), after.replace(second=0, microsecond=0)
    trigger = asked.trigger
    assert isinstance(trigger, OnDate)
    for _ in range(26 * 60):
        moment += timedelta(minutes=1)
        local = moment.astimezone(clock)
        if (local.hour, local.minute) == (trigger.local_time.hour, trigger.local_time.minute) and not local.fold:
            return moment
    return None


@settings(max_examples=40, deadline=None)
@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - they get theirs
    st.sampled_from(ZONES),
    st.times(min_value=time(4)),
)
def test_a_daily_launch_is_at_its_local_time(after: datetime, zone: str, at: time) -> None:
    asked = draft(OnDate(date="birthday", at=f"{at:%H:%M}"))
    due = next_due(asked, after=after.replace(second=0, microsecond=0), zone=zone)
    assert due is not None
    assert due.at == minute_by_minute(asked, after=after, zone=zone)
    assert due.occurrence == due.day.toordinal() == due.at.astimezone(ZoneInfo(zone)).toordinal()


@pytest.mark.parametrize(
    ("zone", "day", "at", "moments"),
    [
        ("America/New_York", "2026-03-07", "02:30", ["03-07 02:30", "03-08 03:30", "03-09 02:30"]),
        ("America/New_York", "2026-10-31", "01:30", ["10-31 01:30", "11-01 01:30", "11-02 01:30"]),
        ("America/Santiago", "2026-09-05", "00:00", ["09-05 00:00", "09-06 01:00", "09-07 00:00"]),
    ],
)
def test_every_day_has_one_launch_whatever_clocks_do(zone: str, day: str, at: str, moments: list[str]) -> None:
    asked, after = draft(OnDate(date="joined", at=at)), datetime.fromisoformat(f"{day}T00:00").replace(
        tzinfo=ZoneInfo(zone)
    ) - timedelta(minutes=1)  # fmt: skip
    found: list[Due] = []
    for _ in moments:
        due = next_due(asked, after=found[-1].at if found else after, zone=zone)
        assert due is not None
        found.append(due)
    assert [f"{due.at.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for due in found] == moments
    assert [due.occurrence - found[0].occurrence for due in found] == [0, 1, 2]


FRIDAYS = Recurring(rrule="FREQ=WEEKLY;BYDAY=FR", starts_at=datetime(2026, 11, 20, 1, tzinfo=UTC))


def test_a_single_launch_is_due_once_and_waiting_for_people_never() -> None:
    noon = datetime(2026, 11, 22, 3, tzinfo=UTC)
    once = draft(Once(), scheduled_at=noon)
    assert next_due(once, after=noon - timedelta(days=9), zone=TOKYO) == Due(1, noon, date(2026, 11, 22))
    assert next_due(once, after=noon, zone=TOKYO) is None
    assert next_due(draft(Once()), after=noon, zone=TOKYO) is None
    assert next_due(draft(OnEvent(event="Ring"), scheduled_at=noon), after=noon, zone=TOKYO) is None


def test_nothing_is_due_before_the_campaigns_own_time_or_after_its_end() -> None:
    begin, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 11, 1, tzinfo=UTC)
    for trigger in (replaced(FRIDAYS, until=end), OnDate(date="birthday", until=end)):
        first = next_due(draft(trigger, scheduled_at=begin), after=datetime(2026, 1, 1, tzinfo=UTC), zone=TOKYO)
        assert first is not None
        assert first.at >= begin
        assert next_due(draft(trigger, scheduled_at=begin), after=end, zone=TOKYO) is None
    at_its_moment = next_due(draft(FRIDAYS, scheduled_at=datetime(2026, 12, 4, 1, tzinfo=UTC)), after=begin, zone=TOKYO)
    assert at_its_moment is not None
    assert at_its_moment.day == date(2026, 12, 4)


def replaced(trigger: Recurring, **changes: object) -> Recurring:
    return Recurring(**({"rrule": trigger.rrule, "starts_at": trigger.starts_at} | changes))  # type: ignore[arg-type]


def test_what_was_missed_is_not_made_up_for() -> None:
    daily = draft(OnDate(date="birthday", at="10:00"), expires_after=timedelta(hours=6))
    last = datetime(2026, 11, 1, 1, tzinfo=UTC)
    back = datetime(2026, 11, 22, 3, tzinfo=UTC)  # 12:00, after three weeks
    due = latest_due(daily, after=last, now=back, zone=TOKYO)
    assert due is not None
    assert due.day == date(2026, 11, 22)
    assert latest_due(daily, after=due.at, now=back, zone=TOKYO) is None
    late = datetime(2026, 11, 22, 8, tzinfo=UTC)  # 17:00: what was due at ten has expired
    assert latest_due(daily, after=last, now=late, zone=TOKYO) is None


def test_occurrences_of_a_rule_are_numbered_by_their_moment() -> None:
    first = next_due(draft(FRIDAYS), after=datetime(2026, 11, 22, tzinfo=UTC), zone=TOKYO)
    assert first == Due(
        int(datetime(2026, 11, 27, 1, tzinfo=UTC).timestamp()) // 60,
        datetime(2026, 11, 27, 1, tzinfo=UTC),
        date(2026, 11, 27),
    )


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        (replaced(FRIDAYS, rrule="FREQ=HOURLY"), "trigger.rrule"),
        (replaced(FRIDAYS, rrule="FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29"), "trigger.rrule"),
        (replaced(FRIDAYS, until=datetime(2026, 11, 19, tzinfo=UTC)), "trigger.until"),
    ],
)
def test_a_rule_that_never_comes_is_refused(trigger: Trigger, field: str) -> None:
    with pytest.raises(DraftIncomplete) as refused:
        check_draft(draft(trigger))
    assert refused.value.field == field


MEMBERS = pl.DataFrame(
    {
        "customer_id": [1, 2, 3, 4, 5],
        "birth_month": [2, 2, 3, 12, None],
        "birth_day": [28, 29, 1, 31, None],
        "joined": [date(2026, 1, 31), date(2024, 2, 29), date(2026, 2, 28), date(2026, 2, 1), None],
        "next_coupon_expiry": [date(2026, 3, 1), None, date(2026, 2, 28), date(2026, 3, 3), None],
        "trait:renewal": ["2026-03-01", "2026-03-01T10:00:00+09:00", "soon", None, "2026-04-01"],
    },
    schema_overrides={"birth_month": pl.Int8, "birth_day": pl.Int8},
)


@pytest.mark.parametrize(
    ("trigger", "day", "people"),
    [
        (OnDate(date="birthday"), date(2026, 2, 28), [1, 2]),  # a common year: 29 February counts as the 28th
        (OnDate(date="birthday"), date(2028, 2, 28), [1]),
        (OnDate(date="birthday"), date(2028, 2, 29), [2]),
        (OnDate(date="birthday"), date(2026, 3, 1), [3]),
        (OnDate(date="birthday", days=-3), date(2026, 2, 25), [1, 2]),
        (OnDate(date="birthday", days=-7), date(2026, 12, 24), [4]),
        (OnDate(date="birthday", days=1), date(2027, 1, 1), [4]),
        (OnDate(date="joined", days=1), date(2026, 2, 1), [1]),
        (OnDate(date="joined", days=28), date(2026, 3, 1), [4]),
        (OnDate(date="joined", days=365), date(2025, 2, 28), [2]),
        (OnDate(date="coupon_expiry", days=-3), date(2026, 2, 26), [1]),
        (OnDate(date="coupon_expiry"), date(2026, 2, 28), [3]),
        (OnDate(date="trait:renewal"), date(2026, 3, 1), [1, 2]),
        (OnDate(date="trait:unheard"), date(2026, 3, 1), []),
    ],
)
def test_whose_date_it_is(trigger: OnDate, day: date, people: list[int]) -> None:
    assert whose_date(MEMBERS, trigger, day=day)["customer_id"].to_list() == people
    assert all(name in MEMBERS.columns or trigger.date == "trait:unheard" for name in columns_of(trigger))
