"""Funnels equal following every customer by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.windows import Window
from tests.segments.history import Happening, days_of, frames, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop
from tests.segments.reference_customers import orders_of

OPENED, VISITED, ORDERED = "Application Opened", "Store Visited", "Order Completed"
NAMES = (EventName.APPLICATION_OPENED, EventName.STORE_VISITED, EventName.ORDER_COMPLETED, EventName.ORDER_CANCELLED)


def facts_of(history: list[Happening], *, today: int = 60, segment: bool = False) -> Facts:
    return Facts(
        days=days_of(history), events=frames(history)[0], today=after(today), members=MEMBERS if segment else None
    )


def moments(shop: Shop, who: int, event: str) -> list[datetime]:
    mine = [row for row in shop.rows if row.customer == who]
    if event == ORDERED:
        return [order["row"].at for order in orders_of(mine).values() if order["counted"]]
    return [row.at for row in mine if row.event == event]


def furthest(shop: Shop, who: int, steps: list[str], at: datetime, until: datetime) -> int:
    """The most steps that can follow from one moment, trying every way."""
    best = 1
    if len(steps) > 1:
        for then in moments(shop, who, steps[1]):
            after_it = then > at if steps[1] == steps[0] else then >= at
            if after_it and then <= until:
                best = max(best, 1 + furthest(shop, who, steps[1:], then, until))
    return best


@settings(max_examples=60, deadline=None)
@given(
    history=histories(names=NAMES, days=12, size=30),
    steps=st.lists(st.sampled_from((OPENED, VISITED, ORDERED)), min_size=2, max_size=4),
    first=st.integers(0, 8),
    length=st.integers(0, 8),
    within=st.integers(1, 5),
    segment=st.booleans(),
)
def test_a_funnel_equals_the_reference(
    history: list[Happening], steps: list[str], first: int, length: int, within: int, *, segment: bool
) -> None:
    window = Window(after(first), after(first + length))
    shop = Shop(history, after(60), belongs if segment else None)
    reached = []
    for who in shop.people:
        starts = [at for at in moments(shop, who, steps[0]) if window.first <= at.date() <= window.last]
        if starts and shop.in_period(who, window.first):
            reached.append(max(furthest(shop, who, steps, at, at + timedelta(days=within)) for at in starts))
    options: dict[str, Any] = {f"step{number}": step for number, step in enumerate(steps, start=1)}
    measured = compute("funnel", facts_of(history, segment=segment), window, options={**options, "within": within})
    assert (measured.numerator, measured.denominator) == (
        sum(step >= len(steps) for step in reached),
        len(reached),
    )
    assert measured.sheet is not None
    counts = [row[2] for row in measured.sheet.rows]
    assert counts == [sum(step >= number for step in reached) for number in range(1, len(steps) + 1)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(("minutes", "done"), [(30, 1), (31, 0)])
def test_the_time_limit_is_inclusive(minutes: int, done: int) -> None:
    history = [
        Happening(1, 1, OPENED, moment(3, 600), device=1),
        Happening(2, 1, VISITED, moment(3, 600 + minutes), store="S1"),
    ]
    options = {"step2": VISITED, "within": 30, "within_unit": "minutes"}
    measured = compute("funnel", facts_of(history), Window(after(3), after(3)), options=options)
    assert (measured.numerator, measured.denominator) == (done, 1)


def test_a_funnel_is_incomplete_while_its_last_start_has_time_left() -> None:
    history = [Happening(1, 1, OPENED, moment(3), device=1)]
    window = Window(after(3), after(3))
    for options, ends in (({}, 10), ({"within": 24, "within_unit": "hours"}, 4), ({"within_unit": "minutes"}, 4)):
        assert compute("funnel", facts_of(history, today=ends), window, options=options).incomplete
        assert not compute("funnel", facts_of(history, today=ends + 1), window, options=options).incomplete


def test_a_funnel_over_unverified_orders_says_so() -> None:
    history = [
        Happening(1, 1, OPENED, moment(3), device=1),
        Happening(2, 1, ORDERED, moment(4), order=1, amount=5, trusted=False),
    ]
    window = Window(after(3), after(3))
    assert "unverified" in compute("funnel", facts_of(history), window).notes
    assert "unverified" not in compute("funnel", facts_of(history), window, options={"step2": VISITED}).notes
