"""Cross-sell, up-sell and affinity equal counting on fingers."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics import items
from segments.metrics.compute import compute
from segments.metrics.metric import Measured
from segments.windows import Window
from tests.segments.history import Happening, moment
from tests.segments.metrics import reference_purchases as reference
from tests.segments.metrics.busy_shop import bought as bought_by_chance
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (*[EventName.ORDER_COMPLETED] * 8, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED)
BASES = st.sampled_from(("days", "receipts", "store_days"))
LEVELS = st.sampled_from(("category", "product"))
SPANS = st.tuples(st.integers(0, 25), st.integers(0, 30)).map(lambda at: Window(after(at[0]), after(at[0] + at[1])))
MERGES = st.sampled_from(({}, {3: 1}))
HISTORIES = bought_by_chance(NAMES, days=30)


def rows_of(measured: Measured) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    assert measured.sheet is not None
    return {row[:2]: row[2:] for row in measured.sheet.rows}


@settings(max_examples=15, deadline=None)
@given(
    history=HISTORIES,
    window=SPANS,
    options=st.fixed_dictionaries({"gap": st.integers(1, 20), "basis": BASES, "level": LEVELS}),
    merges=MERGES,
    segment=st.booleans(),
    bits=st.sampled_from((63, 0)),
)
def test_cross_and_up_sell_equal_the_reference(
    history: list[Happening],
    window: Window,
    options: dict[str, Any],
    merges: dict[int, int],
    *,
    segment: bool,
    bits: int,
) -> None:
    today = after(35)
    facts, told = reference.facts_of(history, today, merges=merges, members=MEMBERS if segment else None)
    shop = Shop(told, today, belongs if segment else None)
    expected = reference.cross_and_up(shop, window.first, window.last, gap=options["gap"], basis=options["basis"])
    for slug, pair in expected.items():
        with patch.object(items, "_WORD", bits):  # numbers too large for one key are sorted column by column
            measured = compute(slug, facts, window, options=options)
        assert (measured.numerator, measured.denominator) == pair, slug
        assert measured.notes[:2] == (f"by_{options['basis']}", f"level_{options['level']}")


@settings(max_examples=15, deadline=None)
@given(
    history=HISTORIES,
    window=SPANS,
    options=st.fixed_dictionaries(
        {"baskets": st.sampled_from(("orders", "customers")), "basis": BASES, "min_support": st.integers(1, 4000)}
    ),
    level=LEVELS,
    merges=MERGES,
    segment=st.booleans(),
)
def test_affinity_equals_the_reference(
    history: list[Happening],
    window: Window,
    options: dict[str, Any],
    level: str,
    merges: dict[int, int],
    *,
    segment: bool,
) -> None:
    today = after(35)
    facts, told = reference.facts_of(history, today, merges=merges, members=MEMBERS if segment else None)
    shop = Shop(told, today, belongs if segment else None)
    expected = reference.affinity(shop, window.first, window.last, **options)
    measured = compute("product_affinity", facts, window, options=options | {"level": level})
    assert (measured.numerator, measured.denominator) == (len(expected), None)
    found = rows_of(measured)
    assert found.keys() == expected.keys()
    for pair, (both, *figures) in expected.items():
        assert found[pair] == (both, *(pytest.approx(float(one), rel=1e-9) for one in figures))


def bought(order: int, day: int, *lines: tuple[str, int, int]) -> Happening:
    return Happening(order, 1, "Order Completed", moment(day), order=order, amount=10, lines=lines)


@pytest.mark.parametrize(("price", "numerator"), [(11, 1), (10, 0)])
def test_ten_percent_more_is_an_up_sell(price: int, numerator: int) -> None:
    facts, _ = reference.facts_of([bought(1, 0, ("tea", 3, 30)), bought(2, 5, ("tea", 1, price))], after(20))
    measured = compute("up_sell_rate", facts, Window(after(3), after(9)))
    assert (measured.numerator, measured.denominator) == (numerator, 1)


@pytest.mark.parametrize(("price", "numerator"), [(4, 1), (0, 0)])
def test_goods_that_cost_nothing_so_far_are_known_goods(price: int, numerator: int) -> None:
    facts, _ = reference.facts_of([bought(1, 0, ("tea", 1, 0)), bought(2, 5, ("tea", 1, price))], after(20))
    measured = compute("up_sell_rate", facts, Window(after(3), after(9)))
    assert (measured.numerator, measured.denominator) == (numerator, 1)


@pytest.mark.parametrize(("second", "denominator"), [(90, 1), (91, 0)])
def test_a_follow_up_is_within_its_days(second: int, denominator: int) -> None:
    facts, _ = reference.facts_of([bought(1, 0, ("tea", 1, 5)), bought(2, second, ("milk", 1, 5))], after(200))
    measured = compute("cross_sell_rate", facts, Window(after(80), after(100)))
    assert (measured.numerator, measured.denominator) == (denominator, denominator)


def test_the_table_is_sorted_and_cut() -> None:
    history = [
        bought(1, 0, ("a", 1, 1), ("b", 1, 1)),
        bought(2, 1, ("a", 1, 1), ("b", 1, 1)),
        bought(3, 2, ("b", 1, 1), ("c", 1, 1)),
        bought(4, 3, ("c", 1, 1), ("d", 1, 1)),
    ]
    facts, _ = reference.facts_of(history, after(20))
    for sort, first in (("lift", ("c", "d")), ("support", ("a", "b")), ("confidence", ("a", "b"))):
        measured = compute("product_affinity", facts, Window(after(0), after(9)), options={"sort": sort, "rows": 1})
        assert [*rows_of(measured)] == [first]
        assert measured.numerator == 3
