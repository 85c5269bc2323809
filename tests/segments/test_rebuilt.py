"""A segment as of a past day: the same people as by the whole frame of that day."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.membership import members
from segments.rebuilt import attributes_of, behaviour_of, history_for, members_then, members_today
from segments.reduce.customers import reduce_customers
from segments.rules.parse import parse
from tests.segments.history import DAY_ZERO, EVERYTHING, Happening, days_of, histories, moment

EVENTS = sorted({str(name) for name in EVERYTHING})
RULES = [
    {"all": []},
    {"attribute": "orders", "op": "=", "value": 1},
    {
        "all": [
            {"attribute": "orders", "op": ">=", "value": 1},
            {"attribute": "last_order", "op": "before_days", "value": 3},
        ]
    },
    {"event": "Application Opened", "op": "at_least", "times": 2, "days": 5},
    {"event": "Order Completed", "op": "at_most", "times": 1, "days": 4},
    {
        "any": [
            {"event": "Custom Thing", "op": "exactly", "times": 1, "days": None},
            {"not": {"event": "Custom Thing", "op": "at_least", "times": 2, "days": 3}},
            {"attribute": "rank", "op": "is", "value": "gold"},
        ]
    },
    {
        "all": [
            {"attribute": "first_seen", "op": "within_days", "value": 7},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
    {
        "any": [
            {"attribute": "last_seen", "op": "before_days", "value": 4},
            {"attribute": "first_seen", "op": "is_not_set"},
            {
                "all": [
                    {"attribute": "last_seen", "op": "within_days", "value": 2},
                    {"attribute": "launches", "op": ">", "value": 1},
                    {"event": "Custom Thing", "op": "at_least", "times": 1, "days": 6},
                ]
            },
        ]
    },
    {"attribute": "coupons_held", "op": ">", "value": 0},
    {"attribute": "next_coupon_expiry", "op": "is_set"},
]
FRAME = pl.LazyFrame({"customer_id": [1, 2, 3], "reachable": [True, False, None]})


def asked(offsets: list[int]) -> pl.LazyFrame:
    pairs = [(who, DAY_ZERO + timedelta(days=offset)) for who in (1, 2, 3) for offset in offsets]
    return pl.LazyFrame(pairs, schema={"customer_id": pl.Int64, "as_of": pl.Date}, orient="row")


def pairs_of(frame: pl.LazyFrame) -> list[tuple[int, date]]:
    return sorted(frame.select("customer_id", "as_of").collect().rows())


@pytest.mark.parametrize("document", RULES, ids=str)
@settings(max_examples=8, deadline=None)
@given(history=histories(), offsets=st.lists(st.integers(0, 22), min_size=1, max_size=3, unique=True))
def test_only_what_the_rule_needs_gives_the_same_members(
    document: dict[str, object], history: list[Happening], offsets: list[int]
) -> None:
    rule, days = parse(document), days_of(history)
    verified = {row.event for row in history if row.trusted}
    whole = reduce_customers(days, asked(offsets), events=EVENTS, verified=verified).join(FRAME, on="customer_id")
    then = members_then(rule, key="rule", days=history_for(rule, days), frame=FRAME, verified=verified, coupons=None)
    assert pairs_of(then.belongs(asked(offsets))) == pairs_of(members(whole, rule))


def test_what_a_rule_looks_at() -> None:
    rule = parse({"all": [*RULES[2]["all"], RULES[3], RULES[5]]})  # type: ignore[misc]
    assert attributes_of(rule) == {"orders", "last_order", "rank"}
    assert behaviour_of(rule) == {"Application Opened": 5, "Custom Thing": None}


def test_todays_members_are_the_same_on_any_day() -> None:
    rule = parse({"attribute": "reachable", "op": "is_true"})
    today = members_today(rule, key="rule", frame=FRAME.with_columns(pl.lit(DAY_ZERO).alias("as_of")))
    assert pairs_of(today.belongs(asked([0, 9]))) == [(1, DAY_ZERO), (1, DAY_ZERO + timedelta(days=9))]


def test_a_member_then_need_not_be_one_now() -> None:
    history = [Happening(seq, 1, "Order Completed", moment(seq), order=seq, amount=5) for seq in (1, 8)]
    rule, days = parse(RULES[1]), days_of(history)
    then = members_then(rule, key="rule", days=days, frame=FRAME, verified=(), coupons=None)
    assert pairs_of(then.belongs(asked([0, 4, 9]))) == [(1, DAY_ZERO + timedelta(days=4))]


COUPONS = pl.LazyFrame(
    {
        "coupon_id": ["spring", "tea", "late"],
        "audience": ["public", "targeted", "targeted"],
        "valid_until": [DAY_ZERO + timedelta(days=7), DAY_ZERO + timedelta(days=12), None],
    }
)


@settings(max_examples=15, deadline=None)
@given(history=histories(), offsets=st.lists(st.integers(0, 22), min_size=1, max_size=4, unique=True))
def test_a_coupon_that_ends_changes_who_holds_one_though_nothing_happened(
    history: list[Happening], offsets: list[int]
) -> None:
    rule, days = parse({"attribute": "coupons_held", "op": ">", "value": 0}), days_of(history)
    verified = {row.event for row in history if row.trusted}
    whole = reduce_customers(days, asked(offsets), events=EVENTS, verified=verified, coupons=COUPONS)
    then = members_then(rule, key="rule", days=history_for(rule, days), frame=FRAME, verified=verified, coupons=COUPONS)
    assert pairs_of(then.belongs(asked(offsets))) == pairs_of(members(whole, rule))


def test_a_coupon_is_held_until_its_last_day() -> None:
    days = days_of([Happening(1, 1, "Coupon Issued", moment(1), coupon="tea")])
    rule = parse({"attribute": "coupons_held", "op": ">", "value": 0})
    then = members_then(rule, key="rule", days=days, frame=FRAME, verified=(), coupons=COUPONS)
    held = [(day - DAY_ZERO).days for _, day in pairs_of(then.belongs(asked([0, 1, 12, 13])))]
    assert held == [1, 12]
