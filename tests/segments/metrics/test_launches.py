"""Launch KPIs equal counting on fingers."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.members import Members
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (
    EventName.APPLICATION_OPENED,
    EventName.APPLICATION_OPENED,
    EventName.APPLICATION_UNINSTALLED,
    EventName.ADDRESS_RETIRED,
    "Custom Thing",
)
WINDOWS = st.tuples(st.integers(0, 260), st.integers(0, 40)).map(lambda at: Window(after(at[0]), after(at[0] + at[1])))
HISTORIES = histories(names=NAMES, days=260, customers=4, size=30)


@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, window=WINDOWS, today=st.integers(0, 300), segment=st.booleans())
def test_launch_rate_equals_the_reference(
    history: list[Happening], window: Window, today: int, *, segment: bool
) -> None:
    facts = Facts(days=days_of(history), today=after(today), members=MEMBERS if segment else None)
    shop = Shop(history, after(today), belongs if segment else None)
    measured = compute("launch_rate", facts, window)
    assert (measured.numerator, measured.denominator) == shop.launch_rate(window.first, window.last)
    assert measured.incomplete == (window.last >= after(today))
    assert measured.value is None or 0 <= measured.value <= 1


@settings(max_examples=15, deadline=None)
@given(history=HISTORIES, window=WINDOWS)
def test_users_and_days_equal_the_reference(history: list[Happening], window: Window) -> None:
    today = after(400)
    facts, shop = Facts(days=days_of(history), today=today), Shop(history, today)
    day, week, month = (shop.active_users(window.last, days) for days in (1, 7, 30))
    figures = {slug: compute(slug, facts, window) for slug in ("dau", "wau", "mau")}
    assert [one.numerator for one in figures.values()] == [day, week, month]
    assert all(one.denominator is None and one.value == one.numerator for one in figures.values())
    for slug, part in (("stickiness", day), ("weekly_stickiness", week)):
        sticky = compute(slug, facts, window)
        assert (sticky.numerator, sticky.denominator) == (part, month)
    days = compute("launch_days", facts, window)
    assert (days.numerator, days.denominator) == shop.launch_days(window.first, window.last)


@pytest.mark.parametrize(
    ("gap", "then", "installed"),
    [(180, None, 1), (181, None, 0), (10, "Application Uninstalled", 0), (10, "Push Address Retired", 0)],
    ids=["180 days ago", "181 days ago", "uninstalled", "unregistered"],
)
def test_installed(gap: int, then: str | None, installed: int) -> None:
    window = Window(after(200), after(206))
    history = [Happening(1, 1, "Application Opened", moment(200 - gap), device=1)]
    if then:
        history.append(Happening(2, 1, then, moment(200 - gap, 700), device=1))
    measured = compute("launch_rate", Facts(days=days_of(history), today=after(300)), window)
    assert (measured.numerator, measured.denominator) == (0, installed)


def test_nobody_gives_a_dash_not_zero() -> None:
    measured = compute("launch_rate", Facts(days=days_of([]), today=after(9)), Window(after(0), after(1)))
    assert (measured.denominator, measured.value) == (0, None)


def test_a_segment_is_asked_at_the_start_of_the_window_or_after_the_first_day() -> None:
    history = [
        Happening(1, 1, "Application Opened", moment(2), device=1),
        Happening(2, 1, "Application Opened", moment(11), device=1),
        Happening(3, 2, "Application Opened", moment(12), device=2),
    ]
    asked: list[tuple[object, ...]] = []

    def remember(pairs: object) -> object:
        asked.extend(pairs.collect().sort("customer_id").rows())  # type: ignore[attr-defined]
        return pairs

    facts = Facts(days=days_of(history), today=after(40), members=Members("asked", remember))  # type: ignore[arg-type]
    compute("launch_days", facts, Window(after(10), after(20)))
    assert asked == [(1, after(10) - timedelta(days=1)), (2, after(12))]
