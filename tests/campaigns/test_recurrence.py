"""Rules of repetition: against python-dateutil day by day, and against the clock where it jumps."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from campaigns.errors import DraftIncomplete
from campaigns.recurrence import WEEKDAYS, next_occurrence, read_rule

TOKYO = "Asia/Tokyo"


def occurrences(
    rule: str, starts_at: datetime, zone: str, *, count: int = 6, until: datetime | None = None
) -> list[datetime]:
    """The first of a rule, on the clock of ``zone``."""
    found: list[datetime] = []
    after = starts_at - timedelta(seconds=1)
    while len(found) < count:
        moment = next_occurrence(rule, starts_at=starts_at, after=after, zone=zone, until=until)
        if moment is None:
            break
        found.append(moment.astimezone(ZoneInfo(zone)))
        after = moment
    return found


def at(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


def numbers(most: int, *, signed: bool) -> st.SearchStrategy[str]:
    whole = st.integers(1, most) | (st.integers(-most, -1) if signed else st.nothing())
    return st.lists(whole, min_size=1, max_size=3, unique=True).map(lambda found: ",".join(map(str, found)))


def weekdays(ordinals: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    each = st.builds(lambda which, day: f"{which}{day}", ordinals, st.sampled_from(WEEKDAYS))
    return st.lists(each, min_size=1, max_size=3, unique=True).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    often = frequency in ("DAILY", "WEEKLY")
    ordinals = st.just("") if often else st.sampled_from(["", "1", "2", "-1", "5", "+3"])
    parts = {
        "INTERVAL": st.integers(1, 5).map(str),
        "COUNT": st.integers(1, 12).map(str),
        "BYDAY": weekdays(ordinals),
        "BYMONTHDAY": numbers(31, signed=True),
        "BYMONTH": numbers(12, signed=False),
        "BYSETPOS": numbers(4, signed=True),
        "WKST": st.sampled_from(WEEKDAYS),
    }
    chosen = draw(st.sets(st.sampled_from([*parts]), max_size=4))
    if frequency == "WEEKLY":
        chosen.discard("BYMONTHDAY")
    if not chosen & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        chosen.discard("BYSETPOS")  # RFC 5545: only beside another BY part; python-dateutil refuses it
    return ";".join([f"FREQ={frequency}", *(f"{name}={draw(parts[name])}" for name in sorted(chosen))])


@settings(max_examples=80, deadline=None)
@given(rules(), st.dates(date(9978, 1, 1), date(9986, 12, 31)), st.integers(0, 900))
def test_it_is_what_python_dateutil_says(rule: str, first: date, wait: int) -> None:
    """Near the end of the calendar, for python-dateutil looks for a day that never comes until the year 9999."""
    try:
        read_rule(rule)
    except DraftIncomplete:
        assume(False)
    starts_at = datetime(first.year, first.month, first.day, 3, tzinfo=UTC)
    after = starts_at + timedelta(days=wait)
    expected = rrulestr(rule, dtstart=starts_at.replace(tzinfo=None))
    horizon = after.replace(tzinfo=None) + timedelta(days=3 * 366)
    coming = takewhile(lambda day: day <= horizon, expected.xafter(after.replace(tzinfo=None)))
    wanted = list(islice(coming, 5))
    found: list[datetime] = []
    while len(found) < len(wanted):
        moment = next_occurrence(rule, starts_at=starts_at, after=found[-1] if found else after, zone="UTC")
        assert moment is not None
        found.append(moment)
    assert [one.replace(tzinfo=None) for one in found] == wanted


@pytest.mark.parametrize(
    ("rule", "start", "days"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1", (2027, 12, 1), ["12-31", "01-31", "02-29", "03-31"]),
        ("FREQ=MONTHLY", (2027, 1, 31), ["01-31", "03-31", "05-31", "07-31"]),
        ("FREQ=YEARLY", (2024, 2, 29), ["02-29", "02-29"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", (2026, 11, 1), ["11-27", "12-25", "01-29", "02-26"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", (2026, 11, 23), ["11-23", "11-29", "12-07", "12-13"]),
        ("FREQ=DAILY;COUNT=2", (2026, 12, 31), ["12-31", "01-01"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", (2026, 10, 1), ["10-30", "11-30", "12-31", "01-29"]),
    ],
)
def test_days_as_people_expect_them(rule: str, start: tuple[int, ...], days: list[str]) -> None:
    found = occurrences(rule, at(TOKYO, *start, 10), TOKYO, count=len(days))
    assert [f"{one:%m-%d}" for one in found] == days
    assert {f"{one:%H:%M}" for one in found} == {"10:00"}


@pytest.mark.parametrize(
    ("zone", "start", "times"),
    [
        # Clocks go forward on 2026-03-08 from 2:00 to 3:00: what would be at 2:30 is at 3:30, that day only.
        ("America/New_York", (2026, 3, 7, 2, 30), ["02:30-0500", "03:30-0400", "02:30-0400"]),
        # Back on 2026-11-01 from 2:00 to 1:00: the first of both 1:30.
        ("America/New_York", (2026, 10, 31, 1, 30), ["01:30-0400", "01:30-0400", "01:30-0500"]),
        ("Europe/London", (2026, 3, 28, 10, 0), ["10:00+0000", "10:00+0100", "10:00+0100"]),
        # Half an hour only, at 2:00 on 2026-10-04.
        ("Australia/Lord_Howe", (2026, 10, 3, 2, 15), ["02:15+1030", "02:45+1100", "02:15+1100"]),
        # 2011-12-30 did not exist in Samoa: what would have been on it comes as long after midnight.
        ("Pacific/Apia", (2011, 12, 29, 10, 0), ["10:00-1000", "10:00+1400", "10:00+1400"]),
    ],
)
def test_the_time_of_day_stays_when_clocks_change(zone: str, start: tuple[int, ...], times: list[str]) -> None:
    found = occurrences("FREQ=DAILY", at(zone, *start), zone, count=3)
    assert [f"{one:%H:%M%z}" for one in found] == times
    assert len({one.astimezone(UTC) for one in found}) == 3


def test_it_begins_with_its_start_and_ends_with_its_end() -> None:
    start, end = at(TOKYO, 2026, 11, 25, 10), at(TOKYO, 2026, 12, 11, 10)
    found = occurrences("FREQ=WEEKLY;BYDAY=FR", start, TOKYO, until=end)
    assert [f"{one:%m-%d}" for one in found] == ["11-27", "12-04", "12-11"]
    assert occurrences("FREQ=WEEKLY;BYDAY=FR", start, TOKYO, until=end - timedelta(seconds=1))[-1].day == 4


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "write NAME=VALUE"),
        ("weekly", "write NAME=VALUE"),
        ("BYDAY=FR", "FREQ is one of"),
        ("FREQ=HOURLY", "FREQ is one of"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ stands twice"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR cannot be here"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "the end is until"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is a number from 1"),
        ("FREQ=DAILY;COUNT=1,2", "COUNT is a number from 1"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY is numbers from 1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY is numbers from 1 to 31"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH is numbers from 1 to 12"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY is weekdays"),
        ("FREQ=MONTHLY;BYDAY=0FR", "BYDAY is weekdays"),
        ("FREQ=WEEKLY;BYDAY=1FR", "does not go with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "does not go with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;WKST=XX", "WKST is one of"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "no day at all"),
        ("FREQ=MONTHLY;BYSETPOS=40", "no day at all"),
        ("FREQ=DAILY;" + "BYDAY=MO;" * 30, "at most 200"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_would_be_right(rule: str, reason: str) -> None:
    with pytest.raises(DraftIncomplete) as refused:
        read_rule(rule)
    assert reason in refused.value.message
    assert refused.value.field == "trigger.rrule"
