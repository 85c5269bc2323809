"""Weeks, months and fiscal years part the days without gap; windows by name and comparisons are what their names say."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.errors import BadOption
from segments.nearest import hint, nearest
from segments.periods import NAMED, Compare, compared_window, named_window
from segments.public_holidays import holiday_name
from segments.windows import Window

DAYS = st.dates(min_value=date(2000, 1, 2), max_value=date(2100, 12, 30))
CALENDARS = st.builds(
    BusinessCalendar,
    week_starts=st.integers(1, 7),
    fiscal_starts=st.integers(1, 12),
    closing_day=st.integers(1, 31),
)
TWENTIETH = BusinessCalendar(fiscal_starts=3, closing_day=20)


def window(first: str, last: str) -> Window:
    return Window(date.fromisoformat(first), date.fromisoformat(last))


@given(CALENDARS, DAYS)
def test_every_day_is_in_one_week_month_quarter_and_fiscal_year(calendar: BusinessCalendar, day: date) -> None:
    for span in (calendar.week, calendar.month, calendar.fiscal_quarter, calendar.fiscal_year):
        own = span(day)
        assert own.first <= day <= own.last
        assert span(own.first) == span(own.last) == own
        assert span(own.last + timedelta(days=1)).first == own.last + timedelta(days=1)
    assert calendar.week(day).days == 7
    assert 28 <= calendar.month(day).days <= 31
    assert 358 <= calendar.fiscal_year(day).days <= 372
    last = calendar.fiscal_year(day).first - timedelta(days=1)
    for _ in range(12):
        last = calendar.month(last + timedelta(days=1)).last
    assert last == calendar.fiscal_year(day).last


def test_a_month_bears_the_name_of_the_day_on_which_it_closes() -> None:
    assert TWENTIETH.month(date(2026, 3, 20)) == window("2026-02-21", "2026-03-20")
    assert TWENTIETH.month(date(2026, 3, 21)) == window("2026-03-21", "2026-04-20")
    assert TWENTIETH.fiscal_year(date(2026, 2, 20)) == window("2025-02-21", "2026-02-20")
    assert TWENTIETH.fiscal_year(date(2026, 2, 21)) == window("2026-02-21", "2027-02-20")
    assert TWENTIETH.fiscal_quarter(date(2026, 6, 1)) == window("2026-05-21", "2026-08-20")


def test_a_short_month_closes_on_its_last_day() -> None:
    calendar = BusinessCalendar(closing_day=30)
    assert calendar.month(date(2028, 2, 29)) == window("2028-01-31", "2028-02-29")
    assert calendar.month(date(2028, 3, 1)) == window("2028-03-01", "2028-03-30")
    assert BusinessCalendar().fiscal_year(date(2026, 3, 31)) == window("2025-04-01", "2026-03-31")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("today", ("2026-04-02", "2026-04-02")),
        ("yesterday", ("2026-04-01", "2026-04-01")),
        ("last_7_days", ("2026-03-26", "2026-04-01")),
        ("last_28_days", ("2026-03-05", "2026-04-01")),
        ("last_90_days", ("2026-01-02", "2026-04-01")),
        ("last_365_days", ("2025-04-02", "2026-04-01")),
        ("this_week", ("2026-03-30", "2026-04-02")),
        ("last_week", ("2026-03-23", "2026-03-29")),
        ("this_month", ("2026-04-01", "2026-04-02")),
        ("last_month", ("2026-03-01", "2026-03-31")),
        ("this_fiscal_quarter", ("2026-04-01", "2026-04-02")),
        ("last_fiscal_quarter", ("2026-01-01", "2026-03-31")),
        ("this_fiscal_year", ("2026-04-01", "2026-04-02")),
        ("last_fiscal_year", ("2025-04-01", "2026-03-31")),
    ],
)
def test_windows_by_name(name: str, expected: tuple[str, str]) -> None:
    assert named_window(name, BusinessCalendar(), date(2026, 4, 2)) == window(*expected)


def test_every_named_window_is_tested_and_an_unknown_one_names_the_nearest() -> None:
    assert len(NAMED) == 14
    with pytest.raises(BadOption, match="the nearest are last_month"):
        named_window("last_moth", BusinessCalendar(), date(2026, 4, 2))


@pytest.mark.parametrize(
    ("asked", "how", "expected"),
    [
        (("2026-03-05", "2026-04-01"), "previous", ("2026-02-05", "2026-03-04")),
        (("2026-03-01", "2026-03-31"), "previous", ("2026-02-01", "2026-02-28")),
        (("2026-03-23", "2026-03-29"), "previous", ("2026-03-16", "2026-03-22")),
        (("2026-01-01", "2026-03-31"), "previous", ("2025-10-01", "2025-12-31")),
        (("2025-04-01", "2026-03-31"), "previous", ("2024-04-01", "2025-03-31")),
        (("2028-02-29", "2028-03-01"), "previous_year", ("2027-02-28", "2027-03-01")),
        (("2026-03-05", "2026-04-01"), "previous_year_same_weekday", ("2025-03-06", "2025-04-02")),
    ],
)
def test_windows_to_compare_with(asked: tuple[str, str], how: str, expected: tuple[str, str]) -> None:
    found = compared_window(window(*asked), Compare(how), BusinessCalendar())
    assert found == window(*expected)


@given(DAYS, st.integers(0, 400))
def test_a_year_back_on_the_same_weekday_has_the_same_weekdays(first: date, days: int) -> None:
    asked = Window(first + timedelta(days=400), first + timedelta(days=400 + days))
    found = compared_window(asked, Compare.PREVIOUS_YEAR_SAME_WEEKDAY, BusinessCalendar())
    assert (found.first.weekday(), found.days) == (asked.first.weekday(), asked.days)


def test_public_holidays_with_their_substitutes() -> None:
    assert holiday_name(date(2026, 1, 1), "ja") == "元日"
    assert holiday_name(date(2026, 1, 1), "en") == "New Year's Day"
    assert "振替休日" in (holiday_name(date(2026, 5, 6), "ja") or "")
    assert holiday_name(date(2026, 9, 22), "ja") == "国民の休日"
    assert holiday_name(date(2026, 1, 4), "ja") is None


def test_the_nearest_names() -> None:
    slugs = ["repeat_purchase_rate", "launch_rate", "f2_conversion", "retention"]
    assert nearest("retension", slugs) == ["retention"]
    assert nearest("repeat", slugs) == ["repeat_purchase_rate"]
    assert hint("zzz", slugs) == "there are repeat_purchase_rate, launch_rate, f2_conversion, retention"
    assert hint("Launch_Rate", slugs) == "the nearest are launch_rate, repeat_purchase_rate"
    assert hint("retentoin", slugs) == "the nearest is retention"
    assert hint("zzz", []) == "there are none"
