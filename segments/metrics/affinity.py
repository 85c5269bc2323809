"""Product affinity: which items are bought together more often than chance would have it.

Support, confidence and lift as in Agrawal, Imielinski & Swami (1993) and Brin et al. (1997), for pairs.
"""

import polars as pl

from segments.metrics.facts import Facts, within
from segments.metrics.items import list_items
from segments.metrics.metric import Options
from segments.windows import Window

_SCALE = 10_000
"""Least support is given in baskets of so many."""

_SORTS = {
    "lift": pl.col("lift"),
    "support": pl.col("baskets"),
    "confidence": pl.max_horizontal("confidence", "confidence_back"),
}


def product_affinity(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """How many pairs of items are in at least the least share of the baskets."""
    level, basis = options["level"], options["basis"]
    notes = [f"level_{level}"] if options["baskets"] == "customers" else [f"by_{basis}", f"level_{level}"]
    return _pairs(facts, window, options).select(
        pl.len().cast(pl.Int64).alias("numerator"),
        pl.lit(None, pl.Int64).alias("denominator"),
        pl.lit(pl.Series([notes])).alias("notes"),
    )


def affine_pairs(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """The first of those pairs: how many baskets hold both, support, confidence in both directions, lift."""
    pairs = _pairs(facts, window, options).sort(
        _SORTS[str(options["sort"])], "baskets", "item", "with", descending=[True, True, False, False]
    )
    return pairs.head(int(options["rows"]))


def _pairs(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    key = ("affinity", facts.members and facts.members.key, window, *options.items())
    return facts.once(key, lambda: _measured(_held(facts, window, options), int(options["min_support"])))


def _held(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """``basket`` and ``item``, each pair once."""
    items = list_items(facts, basis=str(options["basis"]), level=str(options["level"])).filter(within(window))
    held = facts.keep_members(items, window)
    if options["baskets"] == "customers":
        return held.select(pl.col("customer_id").alias("basket"), "item").unique()
    # A row is a purchase and an item already; one number tells purchases apart.
    purchase = pl.col("customer_id") * (pl.col("number").max() + 1) + pl.col("number")
    return held.select(purchase.alias("basket"), "item")


def _measured(held: pl.LazyFrame, min_support: int) -> pl.LazyFrame:
    """Pairs that pass. An item below the least support is in no pair above it, so it is left out before pairs are made."""
    rows = held.collect()
    baskets = rows.get_column("basket").n_unique()
    least = max(1, -(-min_support * baskets // _SCALE))
    counts = rows.group_by("item").len("own").filter(pl.col("own") >= least)
    names = counts.with_columns(pl.col("item").cast(pl.String)).sort("item").with_row_index("code")
    coded = (
        rows.join(counts.select("item"), on="item", how="semi")
        .with_columns(pl.col("item").cast(pl.String))
        .join(names.select("item", "code"), on="item")
        .select("basket", "code")
        .lazy()
    )
    together = (
        coded.join(coded, on="basket", suffix="_with")
        .filter(pl.col("code") < pl.col("code_with"))
        .group_by("code", "code_with")
        .len("baskets")
        .filter(pl.col("baskets") >= least)
    )
    return _figures(together, names.lazy(), baskets)


def _figures(together: pl.LazyFrame, names: pl.LazyFrame, baskets: int) -> pl.LazyFrame:
    other = names.select(
        pl.col("code").alias("code_with"), pl.col("item").alias("with"), pl.col("own").alias("own_with")
    )
    both, own, own_with = pl.col("baskets"), pl.col("own"), pl.col("own_with")
    return (
        together.join(names, on="code")
        .join(other, on="code_with")
        .select(
            "item",
            "with",
            both.cast(pl.Int64),
            (both / pl.lit(baskets)).alias("support"),
            (both / own).alias("confidence"),
            (both / own_with).alias("confidence_back"),
            (both.cast(pl.Float64) * baskets / (own.cast(pl.Float64) * own_with)).alias("lift"),
        )
    )
