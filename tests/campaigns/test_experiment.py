"""The draw is stable, even, independent between campaigns; the holdout's power matches the textbook."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiment import BUCKETS, ArmName, arm, bucket, bucketed, smallest_effect, suggest_holdout


def test_the_draw_is_the_same_on_every_machine() -> None:
    assert [bucket("salt", n) for n in (0, 1, 2, 10**12)] == [1893, 9577, 5286, 631]


@given(st.text(max_size=80), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_many_are_drawn_as_one_by_one(salt: str, ids: list[int]) -> None:
    people = pl.DataFrame({"customer_id": ids}, schema={"customer_id": pl.Int64})
    drawn = people.select(bucketed(salt)).to_series().to_list()
    assert drawn == [bucket(salt, one) for one in ids]
    assert all(0 <= one < BUCKETS for one in drawn)


def test_the_arms_have_their_share_and_two_campaigns_are_independent() -> None:
    people = range(20_000)
    first = {n for n in people if arm("a", n, holdout_percent=10) is ArmName.CONTROL}
    second = {n for n in people if arm("b", n, holdout_percent=10) is ArmName.CONTROL}
    assert 1_850 < len(first) < 2_150
    assert 150 < len(first & second) < 250
    tenths = Counter(one * 10 // BUCKETS for one in (bucket("a", number) for number in people))
    assert max(tenths.values()) < 2_200


@given(st.integers(0, 10**6), st.floats(0, 90), st.floats(0, 90))
def test_a_larger_holdout_holds_the_smaller_one(customer: int, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if arm("s", customer, holdout_percent=small) is ArmName.CONTROL:
        assert arm("s", customer, holdout_percent=large) is ArmName.CONTROL


def test_the_smallest_effect_matches_the_textbook() -> None:
    """Fleiss, Levin and Paik (2003), table A.4: P1 0.25, P2 0.40, 5 % two-sided, power 80 %: 152 each, uncorrected."""
    effect = smallest_effect(0.25, treated=152, control=152)
    assert effect == pytest.approx(0.15, abs=0.0005)


@given(st.floats(0.001, 0.9), st.integers(10, 10**6), st.integers(10, 10**6))
def test_more_people_show_smaller_effects(base: float, treated: int, control: int) -> None:
    few = smallest_effect(base, treated=treated, control=control)
    many = smallest_effect(base, treated=treated * 2, control=control * 2)
    if few is not None:
        assert many is not None
        assert many <= few + 1e-9
        assert 0 < few <= 1 - base


def test_the_suggestion_is_the_smallest_share_that_is_enough() -> None:
    found = suggest_holdout(1_000_000, base_rate=0.05)
    assert found is not None
    assert found.holdout_percent == 1
    assert found.smallest_effect <= 0.02
    small = suggest_holdout(20_000, base_rate=0.05)
    assert small is not None
    assert small.holdout_percent > 5
    assert suggest_holdout(1_900, base_rate=0.05) is None
    assert suggest_holdout(20_000, base_rate=0.0001) is None
