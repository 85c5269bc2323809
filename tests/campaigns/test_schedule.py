"""Quiet hours across midnight and across the change of clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.schedule import QuietHours, is_due

ZONES = ["Asia/Tokyo", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0))


def tokyo(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (tokyo(20, 59), tokyo(20, 59)),
        (tokyo(21), tokyo(9, day=2)),
        (tokyo(23, 59), tokyo(9, day=2)),
        (tokyo(0, day=2), tokyo(9, day=2)),
        (tokyo(8, 59), tokyo(9)),
        (tokyo(9), tokyo(9)),
    ],
)
def test_a_night_that_spans_midnight(moment: datetime, allowed: datetime) -> None:
    assert QuietHours(time(21), time(9)).next_allowed(moment) == allowed


def test_equal_ends_mean_no_quiet_hours() -> None:
    assert not QuietHours(time(9), time(9)).hold(tokyo(9))


@given(MOMENTS, TIMES, TIMES, st.sampled_from(ZONES))
def test_the_next_allowed_moment_is_allowed_and_the_first(moment: datetime, start: time, end: time, zone: str) -> None:
    quiet = QuietHours(start, end, zone)
    allowed = quiet.next_allowed(moment)
    assert allowed >= moment
    assert not quiet.hold(allowed)
    assert allowed - moment <= timedelta(hours=25)
    if allowed > moment:
        step = (allowed - moment) / 7
        assert all(quiet.hold(moment + n * step) for n in range(7))


def test_due_is_from_the_moment_on() -> None:
    assert is_due(tokyo(9), tokyo(9))
    assert not is_due(tokyo(9, 1), tokyo(9))
    assert not is_due(None, tokyo(9))
