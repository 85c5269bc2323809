"""The repeat rates under their several names, and the days between purchases, equal counting on fingers."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.windows import Window
from tests.segments.history import Happening, days_of, moment
from tests.segments.metrics import reference_purchases as reference
from tests.segments.metrics.busy_shop import bought as bought_by_chance
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (*[EventName.ORDER_COMPLETED] * 6, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED)
BASES = st.sampled_from(("days", "receipts", "store_days"))
SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda at: Window(after(at[0]), after(at[0] + at[1])))
MERGES = st.sampled_from(({}, {3: 1}))


@settings(max_examples=15, deadline=None)
@given(history=bought_by_chance(NAMES, days=40), window=SPANS, basis=BASES, merges=MERGES, segment=st.booleans())
def test_rates_and_intervals_equal_the_reference(
    history: list[Happening], window: Window, basis: str, merges: dict[int, int], *, segment: bool
) -> None:
    today = after(45)
    facts, told = reference.facts_of(history, today, merges=merges, members=MEMBERS if segment else None)
    shop = Shop(told, today, belongs if segment else None)
    for slug, (numerator, denominator) in reference.repeat_rates(shop, window.first, window.last, basis).items():
        measured = compute(slug, facts, window, options={"basis": basis})
        assert (measured.numerator, measured.denominator) == (numerator, denominator), slug
        assert measured.value == (pytest.approx(numerator / denominator, rel=1e-9) if denominator else None)
        assert measured.incomplete == (window.last >= today)
    found = reference.gaps(shop, window.first, window.last, basis)
    interval = compute("purchase_interval", facts, window, options={"basis": basis})
    median, p90 = (
        pytest.approx(float(reference.percentile(found, share)), rel=1e-9) if found else None
        for share in (Fraction(1, 2), Fraction(9, 10))
    )
    assert (interval.numerator, interval.value) == (len(found), median)
    assert interval.sheet is not None
    assert interval.sheet.rows == ((median, p90, len(found)),)


def bought(who: int, *days: int) -> list[Happening]:
    return [
        Happening(100 * who + day, who, "Order Completed", moment(day), order=100 * who + day, amount=10)
        for day in days
    ]


def test_the_same_period_rate_is_a_multiple() -> None:
    history = [*bought(1, 0, 10), *bought(2, 1, 11), *bought(3, 12)]
    measured = compute(
        "repeat_rate_same_period", Facts(days=days_of(history), today=after(90)), Window(after(9), after(15))
    )
    assert (measured.numerator, measured.denominator, measured.value) == (2, 1, 2.0)


def test_an_interval_counts_in_the_window_that_closes_it() -> None:
    facts = Facts(days=days_of(bought(1, 0, 10, 30)), today=after(90))
    assert compute("purchase_interval", facts, Window(after(10), after(29))).value == 10
    assert compute("purchase_interval", facts, Window(after(11), after(29))).value is None


@pytest.mark.parametrize("slug", ["repeat_rate_cumulative", "repeat_rate_same_period", "repeat_rate_of_new"])
def test_first_purchases_soon_after_the_data_begins_are_marked(slug: str) -> None:
    history = [*bought(1, 0), *bought(2, 179, 181), *bought(3, 200)]
    facts, early, later = Facts(days=days_of(history), today=after(400)), after(170), after(190)
    assert "short_history" in compute(slug, facts, Window(early, later)).notes
    assert "short_history" not in compute(slug, facts, Window(later, after(210))).notes
    imported = Facts(days=days_of(history), today=after(400), history_imported=True)
    assert "short_history" not in compute(slug, imported, Window(early, later)).notes
