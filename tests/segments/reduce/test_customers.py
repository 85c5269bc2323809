"""The customer frame equals the slow, obvious reduction, as of any day, for any history."""

from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.customers import ATTRIBUTES, SCHEMA, days_column
from segments.reduce.customers import REDUCED, reduce_customers
from segments.reduce.days import merge_customers
from tests.segments import reference_customers
from tests.segments.history import DAY_ZERO, EVERYTHING, Happening, days_of, histories, moment

ALL_EVENTS = sorted({str(name) for name in EVERYTHING})


def asked(*pairs: tuple[int, date]) -> pl.LazyFrame:
    return pl.LazyFrame(pairs, schema={"customer_id": pl.Int64, "as_of": pl.Date}, orient="row")


def reduced(history: list[Happening], who: int, as_of: date) -> dict[str, object]:
    return reduce_customers(days_of(history), asked((who, as_of)), events=ALL_EVENTS).collect().row(0, named=True)


@settings(max_examples=25, deadline=None)
@given(history=histories(), offsets=st.lists(st.integers(-1, 22), min_size=1, max_size=3, unique=True))
def test_every_column_equals_the_reference(history: list[Happening], offsets: list[int]) -> None:
    pairs = [(who, DAY_ZERO + timedelta(days=offset)) for who in (1, 2, 3) for offset in offsets]
    frame = reduce_customers(days_of(history), asked(*pairs), events=ALL_EVENTS).collect()
    assert frame.height == len(pairs)
    for row in frame.iter_rows(named=True):
        expected = reference_customers.customer(history, row["customer_id"], row["as_of"])
        assert row == {days_column(name): [] for name in ALL_EVENTS} | expected


@settings(max_examples=10, deadline=None)
@given(history=histories())
def test_touched_customers_alone_get_the_rows_that_everyone_together_gets(history: list[Happening]) -> None:
    days, last = days_of(history), DAY_ZERO + timedelta(days=30)
    everyone = reduce_customers(days, asked((1, last), (2, last), (3, last)), events=ALL_EVENTS).collect()
    names = {row.event for row in history if row.trusted}
    alone = reduce_customers(
        days.filter(pl.col("customer_id") == 2), asked((2, last)), events=ALL_EVENTS, verified=names
    ).collect()
    assert alone.rows() == everyone.filter(pl.col("customer_id") == 2).rows()


def test_scalars_are_the_declared_ones_in_order() -> None:
    schema = reduce_customers(days_of([]), asked((1, DAY_ZERO)), events=["Custom Thing"]).collect_schema()
    declared = {name: dtype for name, dtype in SCHEMA.items() if name in REDUCED}
    assert schema == pl.Schema({**declared, "days:Custom Thing": pl.List(pl.Date())})
    assert {one.name for one in ATTRIBUTES if not one.private} == set(REDUCED)


@settings(max_examples=15, deadline=None)
@given(history=histories(), columns=st.sets(st.sampled_from(REDUCED)), events=st.sets(st.sampled_from(ALL_EVENTS)))
def test_asking_for_less_changes_no_answer(history: list[Happening], columns: set[str], events: set[str]) -> None:
    days, pair = days_of(history), asked((1, DAY_ZERO + timedelta(days=9)))
    whole = reduce_customers(days, pair, events=ALL_EVENTS).collect().row(0, named=True)
    part = reduce_customers(days, pair, events=sorted(events), columns=columns).collect().row(0, named=True)
    assert part == {name: whole[name] for name in part}
    assert set(part) == {"customer_id", "as_of", *columns, *map(days_column, events)}


def test_events_that_occur_get_their_list_without_being_named() -> None:
    history = [Happening(1, 1, "Coffee Tasted", moment(0), device=1)]
    frame = reduce_customers(days_of(history), asked((1, DAY_ZERO))).collect()
    assert [name for name in frame.columns if name.startswith("days:")] == ["days:Coffee Tasted"]
    assert frame.item(0, "days:Coffee Tasted").to_list() == [DAY_ZERO]


def test_a_list_keeps_the_newest_hundred() -> None:
    history = [Happening(seq, 1, "Custom Thing", moment(seq)) for seq in range(120)]
    days = reduced(history, 1, DAY_ZERO + timedelta(days=200))["days:Custom Thing"]
    assert days == [DAY_ZERO + timedelta(days=119 - back) for back in range(100)]


@pytest.mark.parametrize(
    ("back", "orders", "spend"),
    [
        ([], 1, 100),
        ([Happening(2, 1, "Order Refunded", moment(1), order=1, amount=40)], 1, 60),
        ([Happening(2, 1, "Order Refunded", moment(1), order=1, amount=100)], 0, 0),
        ([Happening(2, 1, "Order Refunded", moment(1), order=1)], 0, 0),
        ([Happening(2, 1, "Order Cancelled", moment(1), order=1)], 0, 0),
        ([Happening(2, 1, "Order Refunded", moment(1), order=9, amount=30)], 1, 70),
        ([Happening(2, 1, "Order Cancelled", moment(5), order=1)], 1, 100),
    ],
    ids=["nothing", "in part", "in full", "no amount", "cancelled", "names no order", "after the day asked for"],
)
def test_what_goes_back(back: list[Happening], orders: int, spend: int) -> None:
    bought = Happening(1, 1, "Order Completed", moment(0), order=1, amount=100)
    row = reduced([bought, *back], 1, DAY_ZERO + timedelta(days=2))
    assert (row["orders"], row["spend"]) == (orders, spend)


def test_unverified_orders_count_only_while_no_till_reports() -> None:
    claimed = Happening(1, 1, "Order Completed", moment(0), order=1, amount=100, trusted=False)
    till = Happening(2, 2, "Order Completed", moment(0), order=2, amount=100)
    assert reduced([claimed], 1, DAY_ZERO)["orders"] == 1
    assert reduced([claimed, till], 1, DAY_ZERO)["orders"] == 0


def test_the_same_order_of_two_merged_customers_is_one_order() -> None:
    history = [
        Happening(1, 1, "Order Completed", moment(0), order=7, amount=100),
        Happening(2, 2, "Order Completed", moment(1), order=7, amount=100),
    ]
    merges = pl.LazyFrame({"customer_id": [1], "survivor": [2]})
    days = merge_customers(nw.from_native(days_of(history)), nw.from_native(merges)).to_native()
    row = reduce_customers(days, asked((2, DAY_ZERO + timedelta(days=3)))).collect().row(0, named=True)
    assert (row["orders"], row["spend"], row["first_order"]) == (1, 100, DAY_ZERO)


def test_validity_and_public_coupons_come_from_the_definitions() -> None:
    history = [
        Happening(1, 1, "Coupon Issued", moment(0), coupon="spring"),
        Happening(2, 1, "Coupon Viewed", moment(0), coupon="open"),
        Happening(3, 1, "Coupon Viewed", moment(0), coupon="closed"),
    ]
    coupons = pl.LazyFrame(
        {
            "coupon_id": ["spring", "open", "closed"],
            "audience": ["issued", "public", "issued"],
            "valid_until": [DAY_ZERO + timedelta(days=3), None, None],
        }
    )
    pairs = asked((1, DAY_ZERO + timedelta(days=3)), (1, DAY_ZERO + timedelta(days=4)))
    frame = reduce_customers(days_of(history), pairs, coupons=coupons).sort("as_of").collect()
    assert frame.get_column("coupons_held").to_list() == [2, 1]
