"""The repeat rates (リピート率) that the trade calls by one name, each under its own, and the days between purchases."""

from datetime import timedelta

import polars as pl

from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.metrics.purchases import gap, number_purchases, purchases_in
from segments.metrics.repeat_purchase import SHORT_HISTORY_DAYS
from segments.windows import Window

_SECOND = 2
_REPEAT, _FIRST = pl.col("number") > 1, pl.col("number") == 1


def repeat_rate_cumulative(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers with a repeat purchase in the window ÷ customers whose first purchase lies before its end."""
    so_far = number_purchases(facts, str(options["basis"])).filter(pl.col("business_day") <= window.last)
    return _rate(facts, window, options, facts.keep_members(so_far, window), of=_REPEAT & within(window), among=_FIRST)


def repeat_rate_same_period(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers with a repeat purchase in the window ÷ customers with their first in it: a multiple."""
    return _rate(facts, window, options, purchases_in(facts, window, options), of=_REPEAT, among=_FIRST)


def repeat_rate_of_new(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Of the customers with their first purchase in the window, those with their second in it."""
    follows = (pl.col("number") == _SECOND) & (pl.col("previous_day") >= window.first)
    return _rate(facts, window, options, purchases_in(facts, window, options), of=follows, among=_FIRST)


def purchase_interval(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Median days between consecutive purchases, of those whose later one lies in the window."""
    return _gaps(facts, window, options).select(
        pl.len().cast(pl.Int64).alias("numerator"),
        pl.lit(None, pl.Int64).alias("denominator"),
        pl.col("gap").quantile(0.5, "linear").alias("value"),
        pl.concat_list(pl.lit(f"by_{options['basis']}")).alias("notes"),
    )


def gap_percentiles(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Median and 90th percentile of the gaps, by linear interpolation, and how many gaps there are."""
    days = pl.col("gap")
    return _gaps(facts, window, options).select(
        days.quantile(0.5, "linear").alias("median"),
        days.quantile(0.9, "linear").alias("p90"),
        pl.len().cast(pl.Int64).alias("gaps"),
    )


def _gaps(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    return purchases_in(facts, window, options).filter(_REPEAT).select(gap().alias("gap"))


def _rate(
    facts: Facts, window: Window, options: Options, purchases: pl.LazyFrame, *, of: pl.Expr, among: pl.Expr
) -> pl.LazyFrame:
    """Customers with a purchase of one kind ÷ customers with one of another."""
    begins = facts.begins() or facts.today
    short = _FIRST & within(window) & (pl.col("business_day") < begins + timedelta(days=SHORT_HISTORY_DAYS))
    marked = pl.lit(not facts.history_imported) & short.any()
    return purchases.select(
        _people(of).alias("numerator"),
        _people(among).alias("denominator"),
        pl.concat_list(pl.lit(f"by_{options['basis']}"), pl.when(marked).then(pl.lit("short_history")))
        .list.drop_nulls()
        .alias("notes"),
    )


def _people(kind: pl.Expr) -> pl.Expr:
    return pl.col("customer_id").filter(kind).n_unique().cast(pl.Int64)
