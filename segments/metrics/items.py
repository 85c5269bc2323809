"""What was in each purchase: categories or products with quantity and money."""

import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.purchases import KEYS, counted_orders, number_purchases
from segments.reduce.days import ORDER_LINE

LEVELS = ("category", "product")


def list_items(facts: Facts, *, basis: str, level: str) -> pl.LazyFrame:
    """A row per purchase and item: ``customer_id``, ``number`` and ``business_day`` of the purchase, ``item``, ``quantity``, ``amount``.

    Lines of the counted orders only; lines that name no item of this level, or none that was taken home (a quantity of 0 or
    below), are left out.
    """

    def summed() -> pl.LazyFrame:
        orders = counted_orders(facts)
        purchases = number_purchases(facts, basis).select(*KEYS[basis], "number")
        placed = orders.join(purchases, on=KEYS[basis], how="inner")
        lines = _lines(facts, level).join(
            placed.select("customer_id", "first_seq", "number", "business_day"),
            on=["customer_id", "first_seq"],
            how="inner",
        )
        return lines.group_by("customer_id", "number", "item").agg(
            pl.col("business_day").min(), pl.col("quantity").sum(), pl.col("amount").sum()
        )

    return facts.once(("items", basis, level), summed)


def _lines(facts: Facts, level: str) -> pl.LazyFrame:
    """``customer_id``, ``first_seq`` (the order's event), ``item``, ``quantity``, ``amount``."""
    if level == "category":
        rows = facts.days.filter((pl.col("event") == ORDER_LINE) & (pl.col("detail") != ""))
        item, seq, quantity = pl.col("detail"), pl.col("first_seq"), pl.col("count")
    elif facts.lines is not None:
        rows = facts.lines.filter(pl.col("product").is_not_null())
        item, seq, quantity = pl.col("product"), pl.col("seq"), pl.col("quantity")
    else:
        rows = facts.days.clear()
        item, seq, quantity = pl.col("detail"), pl.col("first_seq"), pl.col("count")
    return rows.filter(quantity > 0).select(
        "customer_id",
        seq.alias("first_seq"),
        item.cast(pl.Categorical).alias("item"),
        quantity.alias("quantity"),
        pl.col("amount").fill_null(0),
    )
