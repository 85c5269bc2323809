"""What a shop may choose, field by field."""

import dataclasses
from datetime import UTC, datetime, time
from typing import Any

import pytest

from campaigns.shop import ShopSettings, problems


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name_ja", "常", " "),
        ("name_en", "J" * 60, "J" * 61),
        ("zone", "Europe/London", "Edo"),
        ("day_starts", 12, 13),
        ("week_starts", 7, 0),
        ("currency", "GBP", "gbp"),
        ("quiet_from", time(23, 59), time(23, 59, 30)),
        ("quiet_until", time(0), time(0, tzinfo=UTC)),
        ("cap_24h", 0, -1),
        ("cap_7d", 0, 51),
    ],
)
def test_each_field_has_its_bounds(field: str, good: Any, bad: Any) -> None:
    assert problems(dataclasses.replace(ShopSettings(), **{field: good})) == {}
    assert list(problems(dataclasses.replace(ShopSettings(), **{field: bad}))) == [field]


def test_a_week_allows_at_least_what_a_day_allows() -> None:
    assert list(problems(ShopSettings(cap_24h=3, cap_7d=2))) == ["cap_7d"]


def test_other_packages_draw_their_values_from_it() -> None:
    settings = ShopSettings(zone="Europe/London", day_starts=4, quiet_from=time(22), cap_24h=2)
    assert settings.calendar.business_day(datetime(2026, 7, 1, 2, 59, tzinfo=UTC)).isoformat() == "2026-06-30"
    assert settings.sending.quiet.hold(datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    assert settings.sending.cap_day == 2
    assert (settings.name("ja"), settings.name("en")) == ("常連", "Joren")
