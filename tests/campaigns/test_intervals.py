"""The interval that looking does not spoil: it keeps its promise where a peeked one breaks it."""

import random
from collections.abc import Iterator
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.intervals import Interval, always_valid, newcombe

LOOKS = 20
RATE = 0.05
COUNTS = st.integers(1, 5_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


def looks(source: random.Random, *, customers: int, rate: float) -> list[int]:
    """Conversions of one group at each look: everyone converts with ``rate``, at any moment of the window."""
    came = [0] * LOOKS
    for _ in range(customers):
        if source.random() < rate:
            came[source.randrange(LOOKS)] += 1
    return [sum(came[: look + 1]) for look in range(LOOKS)]


def campaigns_without_effect(*, runs: int, arms: tuple[int, int], rate: float) -> Iterator[list[tuple[int, int]]]:
    source = random.Random(1970)
    for _ in range(runs):
        yield list(zip(*(looks(source, customers=size, rate=rate) for size in arms), strict=True))


def excludes_zero(interval: Interval) -> bool:
    return not interval.low <= 0 <= interval.high


@pytest.mark.parametrize(("arms", "rate"), [((1_000, 1_000), 0.05), ((1_500, 300), 0.05), ((800, 800), 0.5)])
def test_looking_twenty_times_seldom_deceives_and_peeking_at_newcombe_often(arms: tuple[int, int], rate: float) -> None:
    first, second = arms
    deceived = peeked = 0
    runs = 600
    for seen in campaigns_without_effect(runs=runs, arms=arms, rate=rate):
        deceived += any(excludes_zero(always_valid(x, first, y, second, expected_rate=RATE)) for x, y in seen)
        peeked += any(excludes_zero(newcombe(x, first, y, second)) for x, y in seen)
    slack = 2 * sqrt(0.05 * 0.95 / runs)
    assert deceived / runs <= 0.05 + slack
    assert peeked / runs > 0.12


def test_a_real_effect_is_seen_before_the_end() -> None:
    assert excludes_zero(always_valid(900, 9_000, 40, 1_000, expected_rate=RATE))


def test_the_width_is_robbins_boundary_at_the_variance_so_far() -> None:
    found = always_valid(49, 998, 49, 998, expected_rate=0.05)
    grown = 2 * 0.05 * 0.95 / 1_000
    widths = [sqrt((grown + rho) * log((grown + rho) / (rho * 0.05**2))) for rho in (grown / n for n in range(1, 30))]
    assert found.high == pytest.approx(min(widths), rel=1e-3)
    assert found.low == -found.high


def test_nobody_converted_yet_is_no_certainty() -> None:
    found = always_valid(0, 9_000, 0, 1_000, expected_rate=RATE)
    assert found.low == -found.high < -0.005


@given(COUNTS, COUNTS)
def test_it_holds_the_difference_and_turns_with_the_arms(first: tuple[int, int], second: tuple[int, int]) -> None:
    there = always_valid(*first, *second, expected_rate=RATE)
    back = always_valid(*second, *first, expected_rate=RATE)
    assert -1 <= there.low <= first[0] / first[1] - second[0] / second[1] <= there.high <= 1
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


@given(COUNTS, COUNTS, st.integers(2, 50))
def test_more_customers_of_the_same_rates_narrow_it(
    first: tuple[int, int], second: tuple[int, int], times: int
) -> None:
    few = always_valid(*first, *second, expected_rate=RATE)
    many = always_valid(*(times * one for one in (*first, *second)), expected_rate=RATE)
    assert many.high - many.low <= few.high - few.low
    assert many.high - many.low < few.high - few.low or few.high - few.low > 0.99


@given(COUNTS, COUNTS, st.floats(0.8, 0.94), st.floats(0.95, 0.999))
def test_more_confidence_widens_it(first: tuple[int, int], second: tuple[int, int], less: float, more: float) -> None:
    narrow = always_valid(*first, *second, expected_rate=RATE, level=less)
    wide = always_valid(*first, *second, expected_rate=RATE, level=more)
    assert wide.low <= narrow.low <= narrow.high <= wide.high
