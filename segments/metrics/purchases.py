"""What counts as one purchase: a business day, a receipt, or a store and day."""

import narwhals as nw
import polars as pl

from segments.metrics.facts import Facts
from segments.reduce.orders import ORDER_EVENTS, list_orders

BASES = ("days", "receipts", "store_days")
_KEYS = {
    "days": ["customer_id", "business_day"],
    "receipts": ["customer_id", "key"],
    "store_days": ["customer_id", "business_day", "store"],
}


def counted_orders(facts: Facts) -> pl.LazyFrame:
    """Orders that count as of now: one per order number, not cancelled, not wholly refunded."""

    def counted() -> pl.LazyFrame:
        orders: pl.LazyFrame = list_orders(nw.from_native(facts.of(ORDER_EVENTS))).to_native()
        return orders.filter("counted")

    return facts.once("counted orders", counted)


def list_purchases(facts: Facts, basis: str) -> pl.LazyFrame:
    """Purchases: ``customer_id``, ``business_day``, ``first_at``, ``first_seq``, ``net`` (minor units)."""
    merged = (
        counted_orders(facts)
        .group_by(_KEYS[basis])
        .agg(
            pl.col("business_day").min().alias("on"),
            pl.col("first_at").min(),
            pl.col("first_seq").min(),
            pl.col("net").sum(),
        )
    )
    return merged.select("customer_id", pl.col("on").alias("business_day"), "first_at", "first_seq", "net")


def number_purchases(facts: Facts, basis: str) -> pl.LazyFrame:
    """Purchases with ``number`` (1 for the first ever) and ``next_day``, the day of the customer's next one."""

    def numbered() -> pl.LazyFrame:
        ordered = list_purchases(facts, basis).sort("customer_id", "business_day", "first_at", "first_seq")
        return ordered.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("customer_id").alias("number"),
            pl.col("business_day").shift(-1).over("customer_id").alias("next_day"),
        )

    return facts.once(("numbered", basis), numbered)
