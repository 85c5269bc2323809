"""What counts as one purchase: a business day, a receipt, or a store and day."""

import narwhals as nw
import polars as pl

from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.reduce.order_lists import unpack_orders
from segments.reduce.orders import ORDER_EVENTS, list_orders
from segments.windows import Window

BASES = ("days", "receipts", "store_days")
KEYS = {
    "days": ["customer_id", "business_day"],
    "receipts": ["customer_id", "key"],
    "store_days": ["customer_id", "business_day", "store"],
}
"""Columns of orders that tell one purchase from another, by basis."""


def counted_orders(facts: Facts) -> pl.LazyFrame:
    """Orders that count as of now: one per order number, not cancelled, not wholly refunded."""

    def counted() -> pl.LazyFrame:
        if facts.frame is not None:
            # Of a customer no two orders have the same number, so it tells receipts apart.
            return unpack_orders(facts.frame).with_columns(key="first_seq")
        rows = facts.of(ORDER_EVENTS).cache()
        orders: pl.LazyFrame = list_orders(nw.from_native(rows)).to_native()
        return orders.filter("counted")

    return facts.once("counted orders", counted)


def gap() -> pl.Expr:
    """Over `number_purchases`: business days since the customer's purchase before; null for the first."""
    return (pl.col("business_day") - pl.col("previous_day")).dt.total_days()


def purchases_in(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """`number_purchases` of the window's members in the window, by the basis that is asked for."""
    return facts.keep_members(number_purchases(facts, str(options["basis"])).filter(within(window)), window)


def list_purchases(facts: Facts, basis: str) -> pl.LazyFrame:
    """Purchases: ``customer_id``, ``business_day``, ``first_at``, ``first_seq``, ``net`` (minor units), and what tells them apart."""
    merged = (
        counted_orders(facts)
        .group_by(KEYS[basis])
        .agg(
            pl.col("business_day").min().alias("on"),
            pl.col("first_at").min(),
            pl.col("first_seq").min(),
            pl.col("net").sum(),
        )
    )
    apart = [column for column in KEYS[basis] if column not in ("customer_id", "business_day")]
    return merged.select("customer_id", pl.col("on").alias("business_day"), "first_at", "first_seq", "net", *apart)


def number_purchases(facts: Facts, basis: str) -> pl.LazyFrame:
    """Purchases with ``number`` (1 for the first ever) and the days of the one before and the one after.

    ``previous_day`` and ``next_day`` are of the same customer, null where there is none.
    """

    def numbered() -> pl.LazyFrame:
        ordered = _purchase_days(facts) if basis == "days" and facts.frame is not None else _ordered(facts, basis)
        # The rows are sorted: neighbours say what windows over each customer would say, in a fraction of the time.
        who, place = pl.col("customer_id"), pl.int_range(pl.len(), dtype=pl.Int64)
        begins = pl.when((who != who.shift(1)).fill_null(value=True)).then(place).forward_fill()
        return ordered.with_columns(
            (place - begins + 1).alias("number"),
            pl.when(who.shift(1) == who).then(pl.col("business_day").shift(1)).alias("previous_day"),
            pl.when(who.shift(-1) == who).then(pl.col("business_day").shift(-1)).alias("next_day"),
        )

    return facts.once(("numbered", basis), numbered)


def _ordered(facts: Facts, basis: str) -> pl.LazyFrame:
    # One purchase a day needs no other order, and two columns sort faster than four.
    by = KEYS["days"] if basis == "days" else ["customer_id", "business_day", "first_at", "first_seq"]
    return list_purchases(facts, basis).sort(by)


def _purchase_days(facts: Facts) -> pl.LazyFrame:
    """`list_purchases` by days, those of a customer together and in order, from orders that stand so already."""
    who, day = pl.col("customer_id"), pl.col("business_day")
    begins = ((who != who.shift(1)) | (day != day.shift(1))).fill_null(value=True)
    so_far = pl.col("net").cum_sum()
    firsts = counted_orders(facts).with_columns(before=so_far - pl.col("net"), all=so_far.last()).filter(begins)
    net = (pl.col("before").shift(-1).fill_null(pl.col("all")) - pl.col("before")).alias("net")
    return firsts.select("customer_id", "business_day", "first_at", "first_seq", net)
