"""How often each customer did something on each business day; figures about the same event share it."""

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts
from segments.metrics.purchases import counted_orders

_ORDER = str(EventName.ORDER_COMPLETED)


def occurrences(facts: Facts, event: str) -> pl.LazyFrame:
    """``customer_id``, ``business_day``, ``times`` of an event; orders are counted orders."""

    def per_day() -> pl.LazyFrame:
        if event == _ORDER:
            rows = counted_orders(facts).with_columns(pl.lit(1, pl.Int64).alias("count"))
        else:
            rows = facts.of([event])
        return rows.group_by("customer_id", "business_day").agg(pl.col("count").sum().alias("times"))

    return facts.once(("occurrences", event), per_day)
