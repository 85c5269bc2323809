"""Coming back to buy: repeat purchase rate, F2 and later conversions, order value, orders per customer."""

from datetime import timedelta

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.metrics.occurrences import count_days
from segments.metrics.purchases import number_purchases, purchases_in
from segments.windows import Window

_ORDER = str(EventName.ORDER_COMPLETED)
SHORT_HISTORY_DAYS = 180
"""First orders this soon after the data begins may not be first orders."""


def repeat_purchase_rate(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers with at least ``n`` purchases in the window ÷ customers with at least one."""
    if options["basis"] == "days":
        times = count_days(facts, _ORDER, window)
    else:
        times = purchases_in(facts, window, options).group_by("customer_id").agg(days=pl.len())
    return times.select(
        (pl.col("days") >= int(options["n"])).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        _basis_note(options),
    )


def f2_conversion(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """The conversion from the first purchase ever to the second."""
    return fn_conversion(facts, window, {**options, "n": 1})


def fn_conversion(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers whose n-th purchase ever lies in the window and who bought again within ``days`` days of it."""
    nth, basis, within_days = int(options["n"]), str(options["basis"]), int(options["days"])

    def kept(rows: pl.LazyFrame) -> pl.LazyFrame:
        return facts.keep_cohort(rows.with_columns(pl.col("business_day").alias("as_of")), name=(nth, basis))

    if facts.frame is not None and (nth, basis) == (1, "days"):
        bought = facts.frame.filter(pl.col("first_order").is_not_null())
        mine = facts.keep_rows(bought.with_columns(business_day="first_order", next_day="second_order"), kept)
    else:
        mine = kept(number_purchases(facts, basis).filter(pl.col("number") == nth))
    base = mine.filter(within(window)).with_columns(
        (pl.col("business_day") + pl.duration(days=within_days)).alias("due")
    )
    elapsed = base.filter(facts.ended(pl.col("due")))
    again = (pl.col("next_day") <= pl.col("due")).fill_null(value=False)
    begins = facts.begins() or facts.today
    short = (pl.col("business_day") < begins + timedelta(days=SHORT_HISTORY_DAYS)).any()
    marked = pl.lit(not facts.history_imported) & short.fill_null(value=False)
    return elapsed.select(
        again.sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        pl.lit(window.last + timedelta(days=within_days) >= facts.today).alias("incomplete"),
        pl.concat_list(pl.lit(f"by_{options['basis']}"), pl.when(marked).then(pl.lit("short_history")))
        .list.drop_nulls()
        .alias("notes"),
    )


def average_order_value(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Net sales of the purchases in the window ÷ those purchases."""
    return purchases_in(facts, window, options).select(
        pl.col("net").sum().alias("numerator"), pl.len().cast(pl.Int64).alias("denominator"), _basis_note(options)
    )


def orders_per_customer(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Purchases in the window ÷ customers who made one."""
    return purchases_in(facts, window, options).select(
        pl.len().cast(pl.Int64).alias("numerator"),
        pl.col("customer_id").n_unique().cast(pl.Int64).alias("denominator"),
        _basis_note(options),
    )


def _basis_note(options: Options) -> pl.Expr:
    return pl.concat_list(pl.lit(f"by_{options['basis']}")).alias("notes")
