"""Lifetime value by margin equals counting in fractions, says what it does not cover, and is withheld where nothing is known."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.margin_rates import MarginRates, read_percent, read_rate, write_percent
from segments.windows import Window
from tests.segments.history import Happening, days_of, moment
from tests.segments.metrics import reference_margin as reference
from tests.segments.metrics.busy_shop import CATEGORIES
from tests.segments.metrics.busy_shop import bought as bought_by_chance
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop
from tests.segments.metrics.reference_purchases import facts_of
from tests.segments.metrics.test_lifecycle import NAMES, SPANS, rows_of

RATES = st.integers(0, 10_000)
VERSIONS = st.lists(
    st.tuples(
        st.integers(0, 45), st.none() | RATES, st.dictionaries(st.sampled_from(CATEGORIES[:4]), RATES, max_size=3)
    ),
    max_size=3,
).map(
    lambda drawn: tuple(
        MarginRates(version=number, valid_from=after(day), default=default, categories=tuple(sorted(own.items())))
        for number, (day, default, own) in enumerate(drawn, start=1)
    )
)


@settings(max_examples=30, deadline=None)
@given(
    history=bought_by_chance(NAMES, days=40),
    window=SPANS,
    versions=VERSIONS,
    merges=st.sampled_from(({}, {3: 1})),
    segment=st.booleans(),
)
def test_margin_equals_the_reference(
    *,
    history: list[Happening],
    window: Window,
    versions: tuple[MarginRates, ...],
    merges: dict[int, int],
    segment: bool,
) -> None:
    today = after(45)
    facts, told = facts_of(history, today, merges=merges, members=MEMBERS if segment else None, margins=versions)
    shop = Shop(told, today, belongs if segment else None)
    expected = reference.margin(shop, window.first, min(window.last, today), versions)
    measured = compute("ltv_margin", facts, window)
    assert measured.denominator == expected.buyers
    assert ("margin_unknown" in measured.notes, "margin_partly" in measured.notes) == (
        not expected.known,
        expected.known and expected.partly,
    )
    if not expected.known:
        assert (measured.numerator, measured.value, rows_of(measured)) == (0, None, [])
        return
    assert measured.numerator == expected.margin
    assert measured.value == expected.margin / expected.buyers
    share = expected.covered / expected.sales if expected.sales else None
    assert rows_of(measured) == [(expected.sales, expected.covered, share)]


def bought(order: int, day: int, amount: int | None, *lines: tuple[str, int, int]) -> Happening:
    return Happening(order, 1, "Order Completed", moment(day), order=order, amount=amount, lines=lines)


def rates(default: int | None = None, *, version: int = 1, since: int = 0, **own: int) -> MarginRates:
    return MarginRates(version=version, valid_from=after(since), default=default, categories=tuple(sorted(own.items())))


def margin_of(history: list[Happening], *versions: MarginRates) -> tuple[float | None, list[tuple[object, ...]]]:
    measured = compute("ltv_margin", Facts(days=days_of(history), today=after(50), margins=versions), WINDOW)
    return measured.value, rows_of(measured)


WINDOW = Window(after(0), after(40))
MIXED = bought(1, 1, 1000, ("tea", 1, 300), ("rice", 2, 900))
"""1,000 after a discount, of lines that name 1,200."""


def test_an_order_is_parted_by_its_lines_and_rounded_once() -> None:
    assert margin_of([MIXED], rates(tea=5000, rice=2001)) == (275.0, [(1000, 1000, 1.0)])  # 125 + 150.075
    assert margin_of([MIXED], rates(tea=5000)) == (125.0, [(1000, 250, 0.25)])
    assert margin_of([MIXED], rates(1000, tea=5000)) == (200.0, [(1000, 1000, 1.0)])
    assert margin_of([bought(1, 1, 5)], rates(1000)) == (1.0, [(5, 5, 1.0)])  # half a yen goes up


def test_a_refund_takes_margin_away_in_proportion() -> None:
    back = Happening(2, 1, "Order Refunded", moment(8), order=1, amount=400)
    assert margin_of([MIXED, back], rates(tea=5000, rice=2000))[0] == 165.0  # 600 ÷ 1,000 of 275
    nameless = Happening(3, 1, "Order Cancelled", moment(8), order=99, amount=100)
    assert margin_of([MIXED, nameless], rates(1000, tea=5000, rice=2000))[0] == 265.0


def test_lines_without_a_price_are_weighed_by_quantity() -> None:
    assert margin_of([bought(1, 1, 900, ("tea", 1, 0), ("rice", 2, 0))], rates(tea=3000, rice=6000))[0] == 450.0


def test_an_order_goes_by_the_version_of_its_day() -> None:
    history = [bought(1, 9, 1000), bought(2, 10, 1000), bought(3, 20, 1000)]
    later = [rates(2000, version=1, since=10), rates(3000, version=2, since=20), rates(2500, version=3, since=10)]
    assert margin_of(history, *later) == (550.0, [(3000, 2000, 2000 / 3000)])


def test_amounts_of_sixty_bits_lose_nothing() -> None:
    large = 2**60 + 1
    assert margin_of([bought(1, 1, large, ("tea", 1, large))], rates(tea=10_000))[1] == [(large, large, 1.0)]


def test_what_is_not_known_is_no_zero() -> None:
    for history, versions in (([MIXED], ()), ([MIXED], (rates(soap=100),)), ([MIXED], (rates(100, since=2),))):
        facts = Facts(days=days_of(history), today=after(50), margins=versions)
        measured = compute("ltv_margin", facts, WINDOW)
        assert (measured.value, measured.denominator, measured.notes) == (None, 1, ("margin_unknown",))
        assert rows_of(measured) == []


def test_margin_of_a_window_that_runs_is_of_today() -> None:
    facts = Facts(days=days_of([MIXED]), today=after(1), margins=(rates(1000),))
    measured = compute("ltv_margin", facts, Window(after(0), after(0) + timedelta(days=90)))
    assert (measured.numerator, measured.incomplete) == (100, True)


@pytest.mark.parametrize(
    ("text", "points"), [("22.5", 2250), ("２２．５％", 2250), (" 0 ", 0), ("100 %", 10_000), ("0.01", 1)]
)
def test_percentages_are_read_exactly(text: str, points: int) -> None:
    assert read_percent(text) == points
    assert read_percent(write_percent(points)) == points


@pytest.mark.parametrize("text", ["", "-1", "100.01", "1e1000000", "nan", "inf", "12.345", "half", "1_0.", "0.001"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        read_percent(text)


@pytest.mark.parametrize("line", ["tea = 62.5", "tea\t62.5", "tea，62.5", "tea 62.5 %", "  tea:６２．５％ "])
def test_a_line_is_a_category_and_its_rate(line: str) -> None:
    assert read_rate(line) == ("tea", 6250)
    assert read_rate("コーヒー 豆　40") == ("コーヒー 豆", 4000)


@pytest.mark.parametrize("line", ["tea", "62.5", "= 4", "tea ="])
def test_half_a_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        read_rate(line)
