"""Numbers and times as people write them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from admin_ui import filters
from admin_ui.i18n import Say

JA, EN = Say("ja"), Say("en")
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "ja", "en"),
    [
        (0, "0人", "0 people"),
        (1, "1人", "1 person"),
        (9_999, "9,999人", "9,999 people"),
        (12_345, "1.2万人", "12.3K people"),
        (123_000, "12.3万人", "123K people"),
        (1_234_567, "123万人", "1.2M people"),
        (123_456_789, "1.2億人", "123M people"),
    ],
)
def test_people(value: int, ja: str, en: str) -> None:
    assert (filters.people(value, JA), filters.people(value, EN)) == (ja, en)


def test_shares() -> None:
    assert filters.percent(0.2341, JA) == "23.4%"
    assert filters.percent(1, EN, digits=0) == "100%"
    assert filters.percent(None, JA) == "—"
    assert filters.points(0.0123, JA) == "+1.2pt"
    assert filters.points(-0.066, EN) == "−6.6pt"
    assert filters.points(0.0, EN) == "±0.0pt"
    assert filters.number(2.345, EN, digits=2) in ("2.34", "2.35")


def test_money() -> None:
    assert filters.money(1280, "JPY", JA) == "¥1,280"
    assert filters.money(1250, "GBP", EN) == "£12.50"
    assert filters.money(None, "JPY", JA) == "—"


@pytest.mark.parametrize(
    ("ago", "ja", "en"),
    [
        (timedelta(seconds=3), "たった今", "just now"),
        (timedelta(seconds=42), "42秒前", "42 s ago"),
        (timedelta(minutes=3), "3分前", "3 min ago"),
        (timedelta(hours=23), "23時間前", "23 h ago"),
        (timedelta(days=2), "11月20日 12:00", "20 Nov 12:00"),
        (timedelta(days=400), "2025-10-18 12:00", "2025-10-18 12:00"),
        (timedelta(minutes=-5), "11月22日 12:05", "22 Nov 12:05"),
    ],
)
def test_moments(ago: timedelta, ja: str, en: str) -> None:
    said = [filters.moment(NOW - ago, now=NOW, zone="Asia/Tokyo", say=say) for say in (JA, EN)]
    assert said == [ja, en]


def test_days() -> None:
    assert filters.day(date(2026, 11, 3), JA) == "2026年11月3日"
    assert filters.day(date(2026, 11, 3), EN) == "3 Nov 2026"
    assert filters.short_day(date(2026, 11, 3), JA) == "11/3"
    assert filters.day(None, JA) == "—"
    assert filters.moment(None, now=NOW, zone="Asia/Tokyo", say=JA) == "—"


def test_a_name_within_a_sentence_begins_small_in_english() -> None:
    assert (filters.within("Last store", EN), filters.within("", EN)) == ("last store", "")
    assert filters.within("最後の店舗", JA) == "最後の店舗"
