"""Reach: of those who have the app, whom a push can reach."""

import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.launches import installed_customers
from segments.metrics.metric import Options
from segments.windows import Window


def push_reach_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Installed customers of the window whom push reaches now ÷ installed customers of the window."""
    installed = facts.keep_members(installed_customers(facts, window), window)
    nobody = pl.LazyFrame(schema={"customer_id": pl.Int64})
    reached = (nobody if facts.reachable is None else facts.reachable).with_columns(reached=pl.lit(value=True))
    counted = installed.join(reached.unique("customer_id"), on="customer_id", how="left")
    return counted.select(
        pl.col("reached").fill_null(value=False).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        pl.concat_list(pl.lit("reach_now")).alias("notes"),
    )
