"""Purchase KPIs equal counting on fingers."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.errors import BadOption
from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop

NAMES = (*[EventName.ORDER_COMPLETED] * 5, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED)
HISTORIES = histories(names=NAMES, days=40, size=40)
BASES = st.sampled_from(("days", "receipts", "store_days"))
SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda at: Window(after(at[0]), after(at[0] + at[1])))


@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, window=SPANS, basis=BASES, n=st.integers(2, 3), segment=st.booleans())
def test_period_figures_equal_the_reference(
    history: list[Happening], window: Window, basis: str, n: int, *, segment: bool
) -> None:
    today = after(50)
    facts = Facts(days=days_of(history), today=today, members=MEMBERS if segment else None)
    buyers = Shop(history, today, belongs if segment else None).purchases_in(window.first, window.last, basis)
    orders = sum(map(len, buyers))
    expected = {
        "repeat_purchase_rate": (sum(len(one) >= n for one in buyers), len(buyers)),
        "orders_per_customer": (orders, len(buyers)),
        "average_order_value": (sum(net for one in buyers for _, net in one), orders),
    }
    for slug, (numerator, denominator) in expected.items():
        given_options = {"basis": basis} | ({"n": n} if slug == "repeat_purchase_rate" else {})
        measured = compute(slug, facts, window, options=given_options)
        assert (measured.numerator, measured.denominator) == (numerator, denominator), slug
        assert measured.value == (pytest.approx(numerator / denominator, rel=1e-9) if denominator else None)
        assert measured.notes[0] == f"by_{basis}"


CONVERSIONS = st.fixed_dictionaries({"n": st.integers(1, 3), "days": st.integers(1, 30), "basis": BASES})


@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, window=SPANS, options=CONVERSIONS, today=st.integers(20, 90), segment=st.booleans())
def test_conversion_equals_the_reference(
    history: list[Happening], window: Window, options: dict[str, Any], today: int, *, segment: bool
) -> None:
    facts = Facts(days=days_of(history), today=after(today), members=MEMBERS if segment else None)
    shop = Shop(history, after(today), belongs if segment else None)
    measured = compute("fn_conversion", facts, window, options=options)
    expected = shop.fn_conversion(window.first, window.last, **options)
    assert (measured.numerator, measured.denominator) == expected
    assert measured.incomplete == ((window.last - after(today)).days + options["days"] >= 0)
    if options.pop("n") == 1:
        first = compute("f2_conversion", facts, window, options=options)
        assert (first.numerator, first.denominator) == expected


def bought(*days: int) -> list[Happening]:
    return [Happening(day + 1, 1, "Order Completed", moment(day), order=day, amount=10) for day in days]


@pytest.mark.parametrize(("second", "numerator"), [(60, 1), (61, 0)])
def test_day_sixty_is_the_last_that_counts(second: int, numerator: int) -> None:
    facts = Facts(days=days_of(bought(0, second)), today=after(100))
    assert compute("f2_conversion", facts, Window(after(0), after(0))).numerator == numerator


@pytest.mark.parametrize(("today", "denominator", "incomplete"), [(60, 0, True), (61, 1, False)])
def test_a_customer_counts_once_his_days_have_ended(today: int, denominator: int, *, incomplete: bool) -> None:
    measured = compute("f2_conversion", Facts(days=days_of(bought(0)), today=after(today)), Window(after(0), after(0)))
    assert (measured.denominator, measured.incomplete) == (denominator, incomplete)


@pytest.mark.parametrize("slug", ["repeat_purchase_rate", "retention"])
def test_figures_of_unverified_orders_say_so_until_a_till_reports(slug: str) -> None:
    options = {"start": "Order Completed"} if slug == "retention" else {}
    claimed = [replace(row, trusted=False) for row in bought(1)]
    for history, marked in ((claimed, True), ([*claimed, *bought(3)], False)):
        facts = Facts(days=days_of(history), today=after(90))
        measured = compute(slug, facts, Window(after(0), after(6)), options=options)
        assert ("unverified" in measured.notes) == marked


def test_first_orders_soon_after_the_data_begins_are_marked() -> None:
    history = [Happening(900, 2, "Store Visited", moment(0), store="S1"), *bought(179, 300)]
    window = Window(after(170), after(190))
    facts = Facts(days=days_of(history), today=after(400))
    assert "short_history" in compute("f2_conversion", facts, window).notes
    imported = Facts(days=days_of(history), today=after(400), history_imported=True)
    assert "short_history" not in compute("f2_conversion", imported, window).notes
    assert "short_history" not in compute("f2_conversion", facts, Window(after(180), after(190))).notes


@pytest.mark.parametrize(
    "options", [{"n": 1}, {"n": "two"}, {"basis": "hours"}, {"colour": "red"}], ids=["low", "word", "choice", "unknown"]
)
def test_a_bad_option_is_refused_with_what_is_allowed(options: dict[str, object]) -> None:
    with pytest.raises(BadOption, match=r"from 2 to 100|there are days|has no option"):
        compute(
            "repeat_purchase_rate", Facts(days=days_of([]), today=after(9)), Window(after(0), after(1)), options=options
        )
