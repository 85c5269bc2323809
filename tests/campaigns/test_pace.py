"""The pace to a Firebase project: slow at first, even, and anew after a silence."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.pace import Burst, Pace, near_mark

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 12_000), (1.2, 12_000), (30, 300_000), (60, 600_000), (600, 600_000)]
)
def test_the_rate_grows_for_a_minute(seconds: float, expected: float) -> None:
    assert Pace(600_000).after(timedelta(seconds=seconds)) == pytest.approx(expected)


def test_a_second_goes_out_at_once_at_most() -> None:
    grown = timedelta(minutes=1)
    assert (Pace(600_000).at_once(grown), Pace(600_000).at_once(timedelta(0)), Pace(6).at_once(grown)) == (
        10_000,
        200,
        1,
    )


def test_after_a_minute_of_silence_it_begins_anew() -> None:
    burst = Burst(NOW, NOW).at(NOW + timedelta(seconds=40)).at(NOW + timedelta(seconds=100))
    assert burst.lasted == timedelta(seconds=100)
    assert burst.at(NOW + timedelta(seconds=161)).lasted == timedelta(0)
    assert burst.at(NOW).lasted == timedelta(seconds=100)  # a clock that went back takes nothing away


@pytest.mark.parametrize(
    ("minute", "second", "near"),
    [
        (0, 0, True),
        (0, 59, True),
        (1, 0, False),
        (13, 59, False),
        (14, 0, True),
        (15, 30, True),
        (44, 30, True),
        (59, 59, True),
        (8, 0, False),
    ],
)
def test_the_minutes_around_the_hour_and_its_quarters(minute: int, second: int, near: bool) -> None:
    assert near_mark(datetime(2026, 6, 30, 3, minute, second, tzinfo=UTC)) is near
