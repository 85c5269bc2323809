"""When it happened: honest clocks, wrong ones, and the days of the shop that events fall on."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.failures import EventFailure
from segments.occurrence import OLDEST, STAMPED_ON_CLOSING, occurred_at, parse_time

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TEN_YEARS = timedelta(days=3653)

TRUTHS = st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
WAITS = st.timedeltas(timedelta(0), timedelta(days=60))
TRAVELS = st.timedeltas(timedelta(0), timedelta(milliseconds=800))
ERRORS = st.timedeltas(-TEN_YEARS, TEN_YEARS)
MOMENTS = st.datetimes(timezones=st.just(UTC))
LIBRARIES = st.sampled_from([None, "analytics-python", *sorted(STAMPED_ON_CLOSING)])


@given(truth=TRUTHS, wait=WAITS, travel=TRAVELS, error=ERRORS)
def test_an_honest_time_of_sending_corrects_any_clock_to_a_second(
    truth: datetime, wait: timedelta, travel: timedelta, error: timedelta
) -> None:
    said, sent = truth + error, truth + wait + error
    moment, rule = occurred_at(said, sent_at=sent, received_at=truth + wait + travel)
    assert abs(moment - truth) <= SECOND, rule


@given(
    said=st.none() | MOMENTS,
    sent=st.none() | MOMENTS,
    received=TRUTHS,
    library=LIBRARIES,
    skew=st.none() | st.timedeltas(-TEN_YEARS, TEN_YEARS),
)
def test_whatever_a_client_says_no_event_lies_more_than_a_day_ahead_or_before_all_shops(
    said: datetime | None, sent: datetime | None, received: datetime, library: str | None, skew: timedelta | None
) -> None:
    with contextlib.suppress(EventFailure):
        moment, rule = occurred_at(said, sent_at=sent, received_at=received, library=library, device_skew=skew)
        assert OLDEST <= moment <= received + DAY
        assert rule != "clamped" or moment == received


@given(
    truth=TRUTHS, error=ERRORS, zone=st.sampled_from(["Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "UTC"])
)
def test_the_offset_in_which_a_client_writes_its_times_does_not_matter(
    truth: datetime, error: timedelta, zone: str
) -> None:
    said, sent = ((truth + error + late).astimezone(ZoneInfo(zone)).isoformat() for late in (timedelta(0), SECOND))
    moment, _ = occurred_at(parse_time(said), sent_at=parse_time(sent), received_at=truth + SECOND)
    assert abs(moment - truth) <= SECOND


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01T01:30:00-04:00", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # the hour that New York has twice
        ("2026-11-01T01:30:00-05:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2028-02-29T23:59:59.999+09:00", datetime(2028, 2, 29, 14, 59, 59, 999000, tzinfo=UTC)),
        ("2026-04-01T24:00:00Z", None),
        ("2026-02-29T12:00:00Z", None),
    ],
)
def test_hours_that_come_twice_and_days_that_are_rare(text: str, moment: datetime | None) -> None:
    if moment is None:
        with pytest.raises(EventFailure):
            parse_time(text)
    else:
        assert parse_time(text) == moment


@pytest.mark.parametrize("error", [-TEN_YEARS, timedelta(0), TEN_YEARS])
@pytest.mark.parametrize(
    ("truth", "day"),
    [
        ("2026-03-31T23:59:59.999+09:00", date(2026, 3, 31)),
        ("2026-04-01T00:00:00+09:00", date(2026, 4, 1)),
        ("2028-02-28T23:59:59.999+09:00", date(2028, 2, 28)),
        ("2028-02-29T00:00:00+09:00", date(2028, 2, 29)),
        ("2028-03-01T00:00:00+09:00", date(2028, 3, 1)),
    ],
)
def test_a_corrected_event_falls_on_its_own_day_of_the_shop(truth: str, day: date, error: timedelta) -> None:
    then = parse_time(truth)
    moment, _ = occurred_at(then + error, sent_at=then + error + SECOND, received_at=then + SECOND)
    assert BusinessCalendar().business_day(moment) == day
