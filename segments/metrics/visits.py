"""Visits with the app in hand: launches around a store visit or a receipt."""

from datetime import timedelta

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.launches import installed_customers
from segments.metrics.metric import Options
from segments.metrics.purchases import counted_orders
from segments.windows import Window

_LAUNCH = str(EventName.APPLICATION_OPENED)
_VISIT = str(EventName.STORE_VISITED)
BEFORE, AFTER = timedelta(hours=2), timedelta(minutes=30)
"""How long before and after a visit a launch belongs to it, both ends included."""


def launch_at_visit_rate(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Visits of app members in the window with a launch around them ÷ those visits."""
    visits = _visits(facts, str(options["visit"])).filter(within(window)).select("customer_id", "at")
    mine = facts.keep_members(visits.join(_app_members(facts, window), on="customer_id", how="semi"), window)
    near = Window(window.first - timedelta(days=1), window.last + timedelta(days=1))
    launches = (
        facts.happened([_LAUNCH]).filter(within(near)).select("customer_id", pl.col("occurred_at").alias("launch"))
    )
    latest = (
        mine.with_columns((pl.col("at") + AFTER).alias("until"))
        .sort("until")
        .join_asof(
            launches.sort("launch"), left_on="until", right_on="launch", by="customer_id", check_sortedness=False
        )
    )
    around = (pl.col("launch") >= pl.col("at") - BEFORE).fill_null(value=False)
    return latest.select(around.sum().cast(pl.Int64).alias("numerator"), pl.len().cast(pl.Int64).alias("denominator"))


def _visits(facts: Facts, kind: str) -> pl.LazyFrame:
    if kind == "receipts":
        return counted_orders(facts).select("customer_id", "business_day", pl.col("first_at").alias("at"))
    return facts.happened([_VISIT]).select("customer_id", "business_day", pl.col("occurred_at").alias("at"))


def _app_members(facts: Facts, window: Window) -> pl.LazyFrame:
    """Who had the app in the window, or launched it."""
    launched = facts.of([_LAUNCH]).filter(within(window)).select("customer_id")
    return pl.concat([installed_customers(facts, window), launched]).unique()
