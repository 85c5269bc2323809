"""Thresholds, life-cycle states, churn and realised value equal counting on fingers."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.lifecycle import count_gaps, derive_thresholds, thresholds_for
from segments.metrics.metric import Measured
from segments.metrics.thresholds import Thresholds, from_gaps, percentile_up
from segments.windows import Window
from tests.segments.history import Happening, days_of, moment
from tests.segments.metrics import reference_lifecycle as reference
from tests.segments.metrics.busy_shop import bought as bought_by_chance
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop
from tests.segments.metrics.reference_purchases import facts_of, percentile, purchases_of

NAMES = (*[EventName.ORDER_COMPLETED] * 6, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED, EventName.STORE_VISITED)
SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda at: Window(after(at[0]), after(at[0] + at[1])))
USED = st.builds(
    lambda t1, more: Thresholds(version=1, since=date.min, t1=t1, t2=t1 + more, t3=2 * (t1 + more)),
    st.integers(1, 8),
    st.integers(1, 8),
)


def rows_of(measured: Measured) -> list[tuple[object, ...]]:
    assert measured.sheet is not None
    return [*measured.sheet.rows]


@settings(max_examples=18, deadline=None)
@given(
    history=bought_by_chance(NAMES, days=40),
    window=SPANS,
    used=USED,
    basis=st.sampled_from(("days", "receipts", "store_days")),
    merges=st.sampled_from(({}, {3: 1})),
    segment=st.booleans(),
)
def test_states_churn_and_value_equal_the_reference(
    history: list[Happening], window: Window, used: Thresholds, basis: str, merges: dict[int, int], *, segment: bool
) -> None:
    today = after(45)
    facts, told = facts_of(history, today, merges=merges, members=MEMBERS if segment else None, thresholds=(used,))
    shop, first, last = Shop(told, today, belongs if segment else None), window.first, min(window.last, today)
    expected = reference.states(shop, first, last, used, basis)
    measured = compute("life_cycle_states", facts, window, options={"basis": basis})
    assert {row[0]: row[1] for row in rows_of(measured) if row[1]} == dict(expected)
    near = sum(expected[state] for state in ("new", "returned", "active"))
    assert (measured.numerator, measured.denominator) == (near, expected.total())
    gone, base = reference.churned(shop, first, last, used)
    churn, kept = (compute(slug, facts, window) for slug in ("churn_rate", "customer_kept_rate"))
    assert (churn.numerator, churn.denominator) == (gone, base)
    assert (kept.numerator, kept.denominator) == (base - gone, base)
    value = compute("ltv_realised", facts, window)
    assert (value.numerator, value.denominator) == reference.realised(shop, first, last)


@settings(max_examples=8, deadline=None)
@given(history=bought_by_chance(NAMES, days=40), until=st.integers(0, 45))
def test_gaps_are_those_between_purchase_days(history: list[Happening], until: int) -> None:
    shop = Shop(history, after(45))
    days = [[one.day for one in purchases_of(shop, who, "days") if one.day < after(until)] for who in shop.people]
    expected = Counter((later - earlier).days for mine in days for earlier, later in pairwise(mine))
    assert count_gaps(Facts(days=days_of(history), today=after(45)), before=after(until)) == dict(expected)


@settings(max_examples=80, deadline=None)
@given(
    gaps=st.dictionaries(st.integers(1, 400), st.integers(1, 300), max_size=8),
    history_days=st.sampled_from((0, 364, 365, 1000)),
)
def test_thresholds_equal_the_reference(gaps: dict[int, int], history_days: int) -> None:
    made = from_gaps(gaps, history_days=history_days, since=after(0))
    every = [gap for gap, times in gaps.items() for _ in range(times)]
    assert (made.t1, made.t2, made.t3, made.provisional) == reference.thresholds(every, history_days)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.integers(1, 30), min_size=1, max_size=12), percent=st.sampled_from((75, 90)))
def test_percentiles_are_rounded_up_only_where_they_are_not_whole(values: list[int], percent: int) -> None:
    exact = percentile(values, Fraction(percent, 100))
    assert percentile_up(Counter(values), percent) == ceil(exact)


@pytest.mark.parametrize(("gaps", "provisional"), [(499, True), (500, False)])
def test_thresholds_are_provisional_under_five_hundred_gaps(gaps: int, *, provisional: bool) -> None:
    made = from_gaps({10: gaps}, history_days=365, since=after(0))
    assert made.provisional == provisional
    assert (made.t1, made.t2, made.t3) == ((60, 120, 240) if provisional else (14, 28, 56))


def bought(who: int, *days: int) -> list[Happening]:
    return [
        Happening(1000 * who + day, who, "Order Completed", moment(day), order=1000 * who + day, amount=10)
        for day in days
    ]


def test_history_is_counted_up_to_the_day_before() -> None:
    history = [row for who in range(1, 261) for row in bought(who, 0, 30, 365)]
    facts = Facts(days=days_of(history), today=after(900))
    assert derive_thresholds(facts, since=after(365)).provisional  # the last gaps are closed on that day
    made = derive_thresholds(facts, since=after(366))
    assert (made.t1, made.t2, made.t3, made.provisional) == (335, 349, 698, False)


def version(number: int, since: int) -> Thresholds:
    return Thresholds(version=number, since=after(since), t1=number, t2=2 * number, t3=4 * number)


def test_the_version_in_force_when_the_window_begins_holds_at_both_ends() -> None:
    history = bought(1, 0, 10)
    facts = Facts(days=days_of(history), today=after(60), thresholds=(version(2, 30), version(5, 0), version(3, 30)))
    assert thresholds_for(facts, Window(after(29), after(50))).version == 5
    assert thresholds_for(facts, Window(after(30), after(50))).version == 3
    spanning = compute("churn_rate", facts, Window(after(29), after(35)))
    assert (spanning.numerator, spanning.denominator) == (1, 1)
    assert rows_of(spanning) == [(5, 10, 20, 5, after(0), False)]
    assert compute("churn_rate", facts, Window(after(30), after(35))).denominator == 0
    assert "thresholds_derived" not in spanning.notes


def test_without_a_stored_version_the_history_before_the_window_decides() -> None:
    facts = Facts(days=days_of(bought(1, 0, 10)), today=after(60))
    measured = compute("churn_rate", facts, Window(after(29), after(35)))
    assert measured.notes == ("thresholds_provisional", "thresholds_derived")
    assert rows_of(measured) == [(60, 120, 240, 0, after(29), True)]


def test_every_state_is_told_with_its_bounds() -> None:
    facts = Facts(days=days_of(bought(1, 0)), today=after(60), thresholds=(version(7, 0),))
    rows = rows_of(compute("life_cycle_states", facts, Window(after(3), after(7))))
    assert rows == [
        ("active", 0, 0.0, None, 7),
        ("returned", 0, 0.0, None, 7),
        ("new", 1, 1.0, None, 7),
        ("at_risk", 0, 0.0, 7, 14),
        ("dormant", 0, 0.0, 14, 28),
        ("churned", 0, 0.0, 28, None),
        ("none", 0, 0.0, None, None),
    ]


def test_a_window_that_runs_stands_as_of_today() -> None:
    facts = Facts(days=days_of(bought(1, 0)), today=after(8), thresholds=(version(8, 0),))
    measured = compute("life_cycle_states", facts, Window(after(3), after(3) + timedelta(days=90)))
    assert (measured.numerator, measured.incomplete) == (1, True)


@pytest.mark.parametrize(("end", "net"), [(5, 10), (8, 6)])
def test_money_given_back_counts_on_its_own_day(end: int, net: int) -> None:
    back = Happening(2, 1, "Order Refunded", moment(8), order=1, amount=4)
    history = [Happening(1, 1, "Order Completed", moment(1), order=1, amount=10), back]
    measured = compute("ltv_realised", Facts(days=days_of(history), today=after(20)), Window(after(0), after(end)))
    assert (measured.numerator, measured.denominator) == (net, 1)


@pytest.mark.parametrize(("end", "net"), [(5, 30), (9, 10)])
def test_an_order_told_twice_counts_as_it_was_known_by_then(end: int, net: int) -> None:
    history = [
        Happening(1, 1, "Order Completed", moment(9), order=1, amount=10),
        Happening(2, 1, "Order Completed", moment(1), order=1, amount=30),
    ]
    measured = compute("ltv_realised", Facts(days=days_of(history), today=after(20)), Window(after(0), after(end)))
    assert (measured.numerator, measured.denominator) == (net, 1)
