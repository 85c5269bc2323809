"""RFM equals counting on fingers."""

from collections import Counter
from datetime import timedelta
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.errors import BadOption
from segments.events import EventName
from segments.metrics import rfm
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Measured
from segments.windows import Window
from tests.segments.history import Happening, days_of, moment
from tests.segments.metrics import reference_lifecycle as reference
from tests.segments.metrics.busy_shop import bought as bought_by_chance
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop
from tests.segments.metrics.reference_purchases import facts_of

NAMES = (*[EventName.ORDER_COMPLETED] * 8, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED)


def rows_of(measured: Measured) -> list[tuple[object, ...]]:
    assert measured.sheet is not None
    return [*measured.sheet.rows]


def mean(values: list[int]) -> object:
    return pytest.approx(sum(values) / len(values), rel=1e-9) if values else None


@settings(max_examples=15, deadline=None)
@given(
    history=bought_by_chance(NAMES, days=40, customers=12),
    last=st.integers(0, 60),
    span=st.integers(1, 60),
    basis=st.sampled_from(("days", "receipts", "store_days")),
    merges=st.sampled_from(({}, {3: 1})),
    segment=st.booleans(),
)
def test_groups_and_moves_equal_the_reference(
    history: list[Happening], last: int, span: int, basis: str, merges: dict[int, int], *, segment: bool
) -> None:
    today, window = after(45), Window(after(last - 3), after(last))
    facts, told = facts_of(history, today, merges=merges, members=MEMBERS if segment else None)
    shop, end, options = Shop(told, today), min(after(last), today), {"span": span, "basis": basis}
    asked = Shop(told, today, belongs if segment else None)
    now, before = (reference.rfm(shop, day, span, basis) for day in (end, end - timedelta(weeks=1)))
    mine = {who: one for who, one in now.items() if asked.in_period(who, window.first)}
    measured = compute("rfm", facts, window, options=options)
    best = sum(one[3] in ("champions", "loyal") for one in mine.values())
    assert (measured.numerator, measured.denominator) == (best, len(mine))
    for name, customers, share, *means in rows_of(measured):
        found = [one for one in mine.values() if one[3] == name]
        assert (customers, share) == (len(found), pytest.approx(len(found) / len(mine)) if mine else None)
        assert means == [mean([one[place] for one in found]) for place in range(3)]
    moves = Counter(
        (before[who][3] if who in before else "outside", now[who][3] if who in now else "outside")
        for who in {*before, *now}
        if asked.in_period(who, window.first)
    )
    moved = compute("rfm_transitions", facts, window, options=options)
    assert {row[:2]: row[2] for row in rows_of(moved)} == dict(moves)
    both = Counter({pair: times for pair, times in moves.items() if "outside" not in pair})
    assert (moved.numerator, moved.denominator) == (
        sum(times for (old, new), times in both.items() if old != new),
        both.total(),
    )


def test_every_score_belongs_to_the_group_the_reference_names() -> None:
    scores = [*product(range(1, 6), repeat=3)]
    frame = pl.DataFrame(scores, schema=["r", "f", "m"], orient="row").select(rfm.name_group())
    assert frame.to_series().to_list() == [reference.group(*score) for score in scores]
    assert {*frame.to_series()} == {*rfm.GROUPS}


def bought(who: int, day: int, amount: int = 10) -> Happening:
    return Happening(1000 * who + day, who, "Order Completed", moment(day), order=1000 * who + day, amount=amount)


def test_equals_score_equally() -> None:
    history = [bought(who, 3) for who in range(1, 8)] + [bought(9, 3, amount=20)]
    facts = Facts(days=days_of(history), today=after(30))
    scored = rfm.score_customers(facts, after(9), compute("rfm", facts, Window(after(0), after(9))).options).collect()
    assert scored.filter(pl.col("customer_id") < 9).unique(["r", "f", "m"]).height == 1
    assert scored.filter(pl.col("customer_id") == 9).select("r", "f", "m").row(0) == (1, 1, 5)


@pytest.mark.parametrize(
    ("days", "money", "scores"), [((0,), 99, (1, 1, 1)), ((0, 6), 50, (4, 2, 2)), ((0, 7, 9), 1000, (5, 3, 5))]
)
def test_fixed_thresholds(days: tuple[int, ...], money: int, scores: tuple[int, int, int]) -> None:
    history = [bought(1, day, amount=money) for day in days]
    facts = Facts(days=days_of(history), today=after(30))
    given_options = {"scores": "thresholds", "recency": "0,3,6,8", "frequency": "2,3,4,5", "money": "100,200,300,400"}
    measured = compute("rfm", facts, Window(after(0), after(9)), options=given_options)
    assert rfm.score_customers(facts, after(9), measured.options).select("r", "f", "m").collect().row(0) == scores


@pytest.mark.parametrize("limits", ["1,2,3", "1,2,3,3", "4,3,2,1", "a,b,c,d", "1,2,3,4,5"])
def test_thresholds_that_do_not_rise_are_refused(limits: str) -> None:
    facts = Facts(days=days_of([bought(1, 1)]), today=after(30))
    with pytest.raises(BadOption, match="four rising whole numbers"):
        compute("rfm", facts, Window(after(0), after(9)), options={"scores": "thresholds", "money": limits})
