"""The report of the global holdout: who did what against a slow reading, sizes of the groups, and what may be said."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from math import comb
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.effect import Verdict
from campaigns.experiment import bucket
from campaigns.intervals import newcombe
from campaigns.programme import OFFERED, PEOPLE, Measure, compared, composition, did, drawn, offers
from segments.history import MERGES
from tests.fixtures.shop_floor import fact_frame

THEN = datetime(2026, 10, 1, 3, tzinfo=UTC)
BOUGHT, RETURNED, OPENED = "Order Completed", "Order Refunded", "Application Opened"
Fact = dict[str, Any]
FACT = st.fixed_dictionaries(
    {
        "customer_id": st.integers(1, 8),
        "event": st.sampled_from([BOUGHT, RETURNED, OPENED]),
        "occurred_at": st.just(THEN),
        "trusted": st.booleans(),
        "amount": st.integers(0, 5_000) | st.none(),
        "order_key": st.integers(1, 4),
    }
)
MERGED = st.dictionaries(st.integers(5, 8), st.integers(1, 4), max_size=3)


def merges(merged: dict[int, int]) -> pl.LazyFrame:
    return pl.LazyFrame(list(merged.items()), schema=MERGES, orient="row")


def numbers(customer_ids: Iterable[int]) -> pl.LazyFrame:
    return pl.LazyFrame({"customer_id": sorted(customer_ids)}, schema={"customer_id": pl.Int64()})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(FACT, max_size=25),
    MERGED,
    st.sets(st.integers(1, 8)),
    st.sets(st.integers(1, 8)),
    st.sets(st.just(BOUGHT)),
)
def test_it_equals_a_slow_reading(
    facts: list[Fact], merged: dict[int, int], known: set[int], gone: set[int], proven: set[str]
) -> None:
    people = drawn(numbers(known), survivors=merges(merged), percent=40, salt="everyone").collect()
    done = did(
        people.lazy(), fact_frame(facts).lazy(), opted_out=numbers(gone), survivors=merges(merged), proven=proven
    ).collect()
    who = {number: merged.get(number, number) for number in range(1, 9)}
    expected = {}
    for person in sorted({who[number] for number in known}):
        groups = {bucket("everyone", number) < 4_000 for number in known if who[number] == person}
        mine = [fact for fact in facts if who[fact["customer_id"]] == person]
        mine = [fact for fact in mine if fact["trusted"] or fact["event"] not in proven]
        orders = [fact for fact in mine if fact["event"] == BOUGHT]
        back = [fact for fact in mine if fact["event"] == RETURNED]
        expected[person] = {
            "held_out": groups.pop() if len(groups) == 1 else None,
            Measure.BUYERS: int(bool(orders)),
            Measure.SALES: sum(one["amount"] or 0 for one in orders) - sum(one["amount"] or 0 for one in back),
            Measure.ORDERS: len({one["order_key"] for one in orders}),
            Measure.LAUNCHES: int(any(fact["event"] == OPENED for fact in mine)),
            Measure.OPT_OUTS: int(any(who[number] == person for number in gone)),
        }
    assert {row.pop("customer_id"): row for row in done.to_dicts()} == expected


def test_the_surprise_is_that_of_counting_every_draw() -> None:
    for held_out, everyone, percent in ((3, 40, 10.0), (12, 40, 10.0), (70, 900, 5.0), (45, 900, 5.0)):
        people = pl.DataFrame(
            {"customer_id": range(everyone), "held_out": [place < held_out for place in range(everyone)]}
        )
        share, middle = percent / 100, everyone * percent / 100
        exact = sum(
            comb(everyone, k) * share**k * (1 - share) ** (everyone - k)
            for k in range(everyone + 1)
            if abs(k - middle) >= abs(held_out - middle)
        )
        found = composition(people, percent=percent)
        assert found.surprise == pytest.approx(exact, abs=0.03)
        assert (found.treated, found.held_out) == (everyone - held_out, held_out)
    assert not composition(pl.DataFrame({"held_out": [True] * 90 + [False] * 910}), percent=5).sound
    assert composition(pl.DataFrame(schema=PEOPLE), percent=5).sound


def done_by(treated: int, held_out: int, *, rates: tuple[float, float], seed: int = 3) -> pl.DataFrame:
    dice, rows = random.Random(seed), []
    for group, size, rate in ((False, treated, rates[0]), (True, held_out, rates[1])):
        for _ in range(size):
            bought = dice.random() < rate
            rows.append((group, int(bought), bought * dice.randint(500, 9_000), int(bought), 1, 0))
    return pl.DataFrame(rows, schema=["held_out", *Measure], orient="row")


def test_one_verdict_is_spoken_and_the_other_measures_hold_together() -> None:
    done = done_by(20_000, 2_000, rates=(0.16, 0.10))
    verdict, comparisons = compared(done, as_of=THEN)
    assert verdict is Verdict.RAISED
    by_measure = {one.measure: one for one in comparisons}
    assert list(by_measure) == list(Measure)
    groups = {group: done.filter(pl.col("held_out") == group) for group in (False, True)}
    counts = [(int(groups[group][Measure.BUYERS].sum()), groups[group].height) for group in (False, True)]
    assert by_measure[Measure.BUYERS].interval == newcombe(*counts[0], *counts[1])
    assert [one.interval.level for one in comparisons if one.interval] == pytest.approx([0.95, *[1 - 0.05 / 4] * 4])
    sales = by_measure[Measure.SALES]
    assert sales.treated == pytest.approx(groups[False][Measure.SALES].mean())
    assert sales.difference == pytest.approx(sales.treated - sales.held_out)
    assert sales.interval is not None
    assert sales.interval.low < sales.difference < sales.interval.high


def test_small_groups_have_no_verdict_and_no_group_no_figures() -> None:
    assert compared(done_by(5_000, 900, rates=(0.3, 0.1)), as_of=THEN)[0] is Verdict.TOO_SMALL
    assert compared(done_by(500, 0, rates=(0.3, 0.1)), as_of=THEN) == (Verdict.NO_CONTROL, ())


def test_a_larger_share_shows_a_smaller_effect() -> None:
    told = offers(100_000, rate=0.1)
    effects = [one.smallest_effect or 0.0 for one in told]
    assert [one.percent for one in told] == list(OFFERED)
    assert effects == sorted(effects, reverse=True)
    assert offers(0, rate=None)[0].smallest_effect is None
