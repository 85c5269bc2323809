"""Estimates from a sample: intervals that are known, and rules of which not every condition is answered yet."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.estimate import estimate
from segments.rules.bounds import bounds
from segments.rules.compile import combine
from segments.rules.rule import All, Any_, Attribute, Condition, Not, Rule

LEAVES = [Attribute(f"c{number}", "is_true") for number in range(4)]


def test_the_interval_is_wilsons() -> None:
    # Of 10 among 100: 5.5 % to 17.4 % (Brown, Cai, DasGupta 2001, table of Wilson intervals).
    found = estimate(certain=0, undecided=100_000, asked=100, held=10)
    assert (found.low, found.size, found.high) == (6_000, 10_000, 17_000)


def test_what_is_certain_is_added_whole() -> None:
    found = estimate(certain=500, undecided=0, asked=0, held=0)
    assert (found.low, found.size, found.high) == (500, 500, 500)
    assert estimate(certain=500, undecided=10, asked=0, held=0).high == 510


def test_nobody_found_is_not_nobody() -> None:
    found = estimate(certain=0, undecided=1_000_000, asked=20_000, held=0)
    assert found.low == found.size == 0
    assert 150 <= found.high <= 250


@pytest.mark.parametrize("share", [0.002, 0.03, 0.5, 0.98])
def test_19_of_20_intervals_hold_the_truth(share: float) -> None:
    undecided, asked = 1_000_000, 20_000
    drawn = np.random.default_rng(7).binomial(asked, share, 1_000).tolist()
    found = [estimate(certain=0, undecided=undecided, asked=asked, held=held) for held in drawn]
    inside = sum(one.low <= share * undecided <= one.high for one in found)
    assert 0.93 <= inside / 1_000 <= 0.99


def rules() -> st.SearchStrategy[Rule]:
    leaf: st.SearchStrategy[Rule] = st.sampled_from(LEAVES)
    return st.recursive(
        leaf,
        lambda part: st.one_of(
            st.lists(part, max_size=3).map(lambda parts: All(tuple(parts))),
            st.lists(part, min_size=1, max_size=3).map(lambda parts: Any_(tuple(parts))),
            part.map(Not),
        ),
        max_leaves=8,
    )


@given(rules(), st.sets(st.sampled_from(LEAVES)))
def test_certain_and_possible_hold_whatever_the_answers_will_be(rule: Rule, pending: set[Attribute]) -> None:
    worlds = pl.DataFrame([dict(zip([leaf.name for leaf in LEAVES], truth, strict=True)) for truth in TRUTHS])

    def known(condition: Condition) -> pl.Expr | None:
        assert isinstance(condition, Attribute)
        return None if condition in pending else pl.col(condition.name)

    certain, possible = bounds(rule, known)
    found = worlds.with_columns(
        holds=combine(rule, lambda one: pl.col(one.name)),  # type: ignore[union-attr] - all are attributes
        certain=certain,
        possible=possible,
    )
    assert found.filter(pl.col("certain") & ~pl.col("holds")).is_empty()
    assert found.filter(pl.col("holds") & ~pl.col("possible")).is_empty()
    if not pending:
        assert found.select((pl.col("certain") == pl.col("possible")).all()).item()


TRUTHS = list(itertools.product([False, True], repeat=len(LEAVES)))
