"""Launches around visits, and reach, equal counting on fingers."""

from datetime import timedelta

import polars as pl
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

NAMES = (
    EventName.APPLICATION_OPENED,
    EventName.APPLICATION_OPENED,
    EventName.STORE_VISITED,
    EventName.STORE_VISITED,
    EventName.ORDER_COMPLETED,
    EventName.ORDER_CANCELLED,
    EventName.APPLICATION_UNINSTALLED,
)


def facts_of(history: list[Happening], *, today: int = 60, segment: bool = False) -> Facts:
    return Facts(
        days=days_of(history),
        events=frames(history)[0],
        today=after(today),
        members=MEMBERS if segment else None,
        reachable=pl.LazyFrame({"customer_id": [1, 3]}),
    )


@settings(max_examples=40, deadline=None)
@given(
    history=histories(names=NAMES, days=8, size=40),
    first=st.integers(0, 8),
    length=st.integers(0, 8),
    kind=st.sampled_from(("visits", "receipts")),
    segment=st.booleans(),
)
def test_launches_at_visits_equal_the_reference(
    history: list[Happening], first: int, length: int, kind: str, *, segment: bool
) -> None:
    window = Window(after(first), after(first + length))
    shop = Shop(history, after(60), belongs if segment else None)
    near = total = 0
    for who in shop.people:
        mine = [row for row in shop.rows if row.customer == who]
        launches = [row.at for row in mine if row.event == "Application Opened"]
        if kind == "visits":
            visits = [(row.day, row.at) for row in mine if row.event == "Store Visited"]
        else:
            counted = [order["row"] for order in orders_of(mine).values() if order["counted"]]
            visits = [(row.day, row.at) for row in counted]
        member = shop._installed(who, window.first, window.last) or shop.days(
            who, "Application Opened", window.first, window.last
        )
        if not member or not shop.in_period(who, window.first):
            continue
        for day, at in visits:
            if window.first <= day <= window.last:
                total += 1
                near += any(at - timedelta(hours=2) <= launch <= at + timedelta(minutes=30) for launch in launches)
    measured = compute("launch_at_visit_rate", facts_of(history, segment=segment), window, options={"visit": kind})
    assert (measured.numerator, measured.denominator) == (near, total)


@pytest.mark.parametrize(("minutes", "near"), [(-121, 0), (-120, 1), (30, 1), (31, 0)])
def test_the_edges_of_around_a_visit(minutes: int, near: int) -> None:
    history = [
        Happening(1, 1, "Store Visited", moment(3, 600), store="S1"),
        Happening(2, 1, "Application Opened", moment(3, 600 + minutes), device=1),
    ]
    measured = compute("launch_at_visit_rate", facts_of(history), Window(after(3), after(3)))
    assert (measured.numerator, measured.denominator) == (near, 1)


def test_a_launch_just_before_midnight_belongs_to_a_visit_after_it() -> None:
    history = [
        Happening(1, 1, "Application Opened", moment(3, 1439), device=1),
        Happening(2, 1, "Store Visited", moment(4, 20), store="S1"),
    ]
    measured = compute("launch_at_visit_rate", facts_of(history), Window(after(4), after(4)))
    assert (measured.numerator, measured.denominator) == (1, 1)


def test_receipts_that_nobody_vouches_for_are_marked() -> None:
    history = [
        Happening(1, 1, "Application Opened", moment(3, 600), device=1),
        Happening(2, 1, "Order Completed", moment(3, 610), order=1, amount=5, trusted=False),
    ]
    window, facts = Window(after(3), after(3)), facts_of(history)
    receipts = compute("launch_at_visit_rate", facts, window, options={"visit": "receipts"})
    assert (receipts.numerator, receipts.denominator, receipts.notes) == (1, 1, ("unverified",))
    assert compute("launch_at_visit_rate", facts, window).notes == ()


def test_reach_is_of_those_with_the_app() -> None:
    history = [Happening(who, who, "Application Opened", moment(3), device=who) for who in (1, 2)]
    history.append(Happening(3, 3, "Store Visited", moment(3), store="S1"))
    measured = compute("push_reach_rate", facts_of(history), Window(after(3), after(5)))
    assert (measured.numerator, measured.denominator, measured.notes) == (1, 2, ("reach_now",))
