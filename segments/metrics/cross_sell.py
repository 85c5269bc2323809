"""Selling more to those who come back: new categories (cross-sell) and dearer goods of known ones (up-sell)."""

import polars as pl

from segments.metrics.facts import Facts, within
from segments.metrics.items import list_items
from segments.metrics.metric import Options
from segments.metrics.purchases import gap, number_purchases
from segments.windows import Window

_PURCHASE = ["customer_id", "number"]
_PERCENT = 110
"""Spend from this percent of the usual prices on is an up-sell."""
_EQUAL = 1 - 1e-12
"""Sums of fractions that are equal may differ by a rounding error."""


def cross_sell_rate(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Of the customers who came back in the window within D days, those who then bought an item new to them."""
    new = _items(facts, window, options).filter(pl.col("earlier_quantity") == 0).select(_PURCHASE).unique()
    base = _follow_ups(facts, window, options).join(new.with_columns(sold=pl.lit(value=True)), on=_PURCHASE, how="left")
    return base.select(
        pl.col("customer_id").filter("sold").n_unique().cast(pl.Int64).alias("numerator"),
        pl.col("customer_id").n_unique().cast(pl.Int64).alias("denominator"),
        _notes(options),
    )


def up_sell_rate(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Of those who then bought an item known to them, those who paid at least 10 % more than their own earlier mean price."""
    known = _items(facts, window, options).filter(pl.col("earlier_quantity") > 0)
    usual = pl.col("quantity") * pl.col("earlier_amount") / pl.col("earlier_quantity")
    people = (
        known.join(_follow_ups(facts, window, options), on=_PURCHASE, how="semi")
        .group_by("customer_id")
        .agg(pl.col("amount").sum().alias("spent"), usual.sum().alias("usual"))
    )
    # Nothing paid where nothing was paid before is 1.10 times it, and yet nobody sold anything up.
    more = (pl.col("spent") > 0) & (pl.col("spent") * 100 >= pl.col("usual") * _PERCENT * _EQUAL)
    return people.select(
        more.sum().cast(pl.Int64).alias("numerator"), pl.len().cast(pl.Int64).alias("denominator"), _notes(options)
    )


def _follow_ups(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Purchases in the window at most D days after the one before."""
    rows = number_purchases(facts, str(options["basis"])).filter(within(window) & (gap() <= int(options["gap"])))
    return facts.keep_members(rows, window).select(_PURCHASE)


def _items(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    return list_items(facts, basis=str(options["basis"]), level=str(options["level"])).filter(within(window))


def _notes(options: Options) -> pl.Expr:
    return pl.concat_list(pl.lit(f"by_{options['basis']}"), pl.lit(f"level_{options['level']}")).alias("notes")
