"""customer_days: counting in pieces equals counting once, and each row says what its event means."""

import random

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segments.reduce.days import DAYS_SCHEMA, DEVICE_SEEN, ORDER_LINE, aggregate_days, merge_customers
from tests.segments.history import Happening, days_of, histories, moment


def collected(days: pl.LazyFrame) -> pl.DataFrame:
    return days.sort("customer_id", "business_day", "event", "key", "detail", "trusted", "first_seq").collect()


def aggregated(days: pl.LazyFrame) -> pl.DataFrame:
    return collected(aggregate_days(nw.from_native(days)).to_native())


@settings(max_examples=25, deadline=None)
@given(history=histories(), shuffle=st.randoms(use_true_random=False), pieces=st.integers(1, 5))
def test_batches_in_any_order_equal_a_recount(history: list[Happening], shuffle: random.Random, pieces: int) -> None:
    rows = list(history)
    shuffle.shuffle(rows)
    batches = [days_of(rows[start::pieces]) for start in range(pieces)]
    halfway = aggregate_days(nw.from_native(pl.concat(batches[:2]))).to_native()
    assert_frame_equal(aggregated(pl.concat([halfway, *batches[2:]])), collected(days_of(history)))


def test_the_columns_are_the_declared_ones() -> None:
    assert days_of([]).collect_schema() == pl.Schema(DAYS_SCHEMA)


def test_an_order_reported_twice_stays_two_rows() -> None:
    first = Happening(1, 17, "Order Completed", moment(0), order=5, amount=100, store="S1", lines=(("tea", 2, 100),))
    again = Happening(2, 17, "Order Completed", moment(0), order=5, amount=100, store="S1", lines=(("tea", 2, 100),))
    days = collected(days_of([first, again]))
    rows = days.select("bucket", "event", "key", "detail", "count", "amount", "first_seq").rows()
    assert rows == [
        (1, "Order Completed", "5", "S1", 1, 100, 1),
        (1, "Order Completed", "5", "S1", 1, 100, 2),
        (1, ORDER_LINE, "5", "tea", 2, 100, 1),
        (1, ORDER_LINE, "5", "tea", 2, 100, 2),
    ]


def test_two_launches_of_a_day_are_one_row_with_both_ends() -> None:
    days = collected(
        days_of(
            [Happening(1, 1, "Application Opened", moment(0, 600)), Happening(2, 1, "Application Opened", moment(0, 5))]
        )
    )
    launch = days.row(by_predicate=pl.col("event") == "Application Opened", named=True)
    assert (launch["count"], launch["first_at"], launch["last_at"]) == (2, moment(0, 5), moment(0, 600))


def test_an_event_of_an_app_shows_its_device_and_an_uninstall_does_not() -> None:
    viewed = Happening(1, 1, "Product Viewed", moment(0), device=-9, category="tea")
    removed = Happening(2, 1, "Application Uninstalled", moment(1), device=-9)
    rows = collected(days_of([viewed, removed])).select("event", "key").rows()
    assert rows == [(DEVICE_SEEN, "-9"), ("Product Viewed", "tea"), ("Application Uninstalled", "-9")]


def test_a_refund_without_an_amount_is_of_the_whole_order() -> None:
    back = [
        Happening(1, 1, "Order Refunded", moment(0), order=1),
        Happening(2, 1, "Order Refunded", moment(0), order=2, amount=30),
    ]
    assert collected(days_of(back)).select("key", "detail", "amount").rows() == [("1", "whole", 0), ("2", "", 30)]


@settings(max_examples=15, deadline=None)
@given(history=histories(customers=4))
def test_a_merge_counts_history_under_the_survivor(history: list[Happening]) -> None:
    merges = pl.LazyFrame({"customer_id": [1, 4], "survivor": [2, 2]})
    merged = merge_customers(nw.from_native(days_of(history)), nw.from_native(merges)).to_native()
    survivor = pl.when(pl.col("customer_id").is_in([1, 4])).then(2).otherwise(pl.col("customer_id"))
    again = days_of(history).with_columns(survivor.cast(pl.Int64).alias("customer_id"))
    assert_frame_equal(aggregated(merged), aggregated(again))
    assert set(merged.collect().get_column("customer_id")) <= {2, 3}
