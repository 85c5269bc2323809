"""RFM: how recently, how often and for how much each customer bought, as scores from 1 to 5, and ten groups made of them."""

from datetime import date, timedelta
from functools import reduce

import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.free_texts import read_limits
from segments.metrics.metric import Options
from segments.metrics.purchases import number_purchases
from segments.windows import Window

_TOP = 5

GROUPS = {
    "champions": "r >= 4 AND f >= 4 AND m >= 4",
    "loyal": "r >= 3 AND f >= 3 AND m >= 3",
    "cannot_lose": "r <= 2 AND f >= 4 AND m >= 4",
    "at_risk": "r <= 2 AND (f >= 3 OR m >= 3)",
    "new": "r = 5 AND f = 1",
    "promising": "r = 4 AND f = 1",
    "potential": "r >= 4",
    "attention": "r = 3 AND (f >= 2 OR m >= 3)",
    "about_to_sleep": "r >= 2",
    "hibernating": "true",
}
"""Groups and the scores that make them, as SQL; the first that matches wins, the last takes the rest."""

_BEST = ("champions", "loyal")
OUTSIDE = "outside"
"""No purchase in the span: not scored."""


def score_customers(facts: Facts, day: date, options: Options) -> pl.LazyFrame:
    """Everyone who bought in the span that ends with a day, scored among each other.

    ``customer_id``, ``recency`` (business days since the last purchase), ``purchases``, ``spend`` (net, minor units), the
    scores ``r``, ``f``, ``m`` and the ``group``. By ranks a score is ceil(5 × minimum rank ÷ n), so that equals score equally;
    by thresholds one more than the thresholds reached.
    """
    return facts.once(("rfm", day, *options.items()), lambda: _scored(facts, day, options))


def rfm(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Champions and loyal customers ÷ everyone scored at the end of the window."""
    return _members(facts, window, options).select(
        pl.col("group").is_in(list(_BEST)).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        _notes(options),
    )


def rfm_groups(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """A row a group: customers, share, and their mean recency, purchases and spend."""
    counted = _members(facts, window, options).group_by("group").agg(
        pl.len().cast(pl.Int64).alias("customers"),
        pl.col("recency", "purchases", "spend").mean(),
    )  # fmt: skip
    rows = pl.LazyFrame({"group": list(GROUPS)}).join(counted, on="group", how="left", maintain_order="left")
    customers = pl.col("customers").fill_null(0)
    return rows.with_columns(customers).with_columns(_share(pl.col("customers"), pl.col("customers").sum()))


def rfm_transitions(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers who are in another group than some weeks before ÷ customers scored on both days."""
    both = _moves(facts, window, options).filter((pl.col("from") != OUTSIDE) & (pl.col("to") != OUTSIDE))
    return both.select(
        (pl.col("from") != pl.col("to")).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        _notes(options),
    )


def rfm_moves(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers by the group they were in and the one they are in, with the share of those who were in the first."""
    counted = _moves(facts, window, options).group_by("from", "to").agg(pl.len().cast(pl.Int64).alias("customers"))
    order = pl.LazyFrame({"group": [*GROUPS, OUTSIDE]}).with_row_index("place")
    rows = (
        counted.join(order, left_on="from", right_on="group")
        .join(order, left_on="to", right_on="group", suffix="_to")
        .sort("place", "place_to")
    )
    return rows.with_columns(_share(pl.col("customers"), pl.col("customers").sum().over("from")))


def _scored(facts: Facts, day: date, options: Options) -> pl.LazyFrame:
    span = pl.col("business_day").is_between(day - timedelta(days=int(options["span"]) - 1), day)
    bought = (
        number_purchases(facts, str(options["basis"]))
        .filter(span)
        .group_by("customer_id")
        .agg(
            (pl.lit(day) - pl.col("business_day").max()).dt.total_days().alias("recency"),
            pl.len().cast(pl.Int64).alias("purchases"),
            pl.col("net").sum().alias("spend"),
        )
    )
    scores = _by_thresholds(options) if options["scores"] == "thresholds" else _by_ranks()
    return bought.with_columns(**scores).with_columns(name_group().alias("group"))


def name_group() -> pl.Expr:
    """The first group whose rule the scores satisfy."""
    return reduce(
        lambda rest, name: pl.when(pl.sql_expr(GROUPS[name])).then(pl.lit(name)).otherwise(rest),
        reversed(GROUPS),
        pl.lit(None, pl.String),
    )


def _by_ranks() -> dict[str, pl.Expr]:
    values = {"r": -pl.col("recency"), "f": pl.col("purchases"), "m": pl.col("spend")}
    people = pl.len().cast(pl.Int64)
    return {name: (value.rank("min").cast(pl.Int64) * _TOP + people - 1) // people for name, value in values.items()}


def _by_thresholds(options: Options) -> dict[str, pl.Expr]:
    def reached(name: str, value: pl.Expr) -> pl.Expr:
        return pl.sum_horizontal((value >= limit).cast(pl.Int64) for limit in read_limits(str(options[name])))

    beyond = (pl.col("recency") > limit for limit in read_limits(str(options["recency"])))
    return {
        "r": _TOP - pl.sum_horizontal(late.cast(pl.Int64) for late in beyond),
        "f": 1 + reached("frequency", pl.col("purchases")),
        "m": 1 + reached("money", pl.col("spend")),
    }


def _members(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    return facts.keep_members(score_customers(facts, facts.stands_on(window), options), window)


def _moves(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """``customer_id``, ``from`` and ``to`` of everyone scored on either day."""
    end, scoring = facts.stands_on(window), {name: value for name, value in options.items() if name != "weeks"}
    start = end - timedelta(weeks=int(options["weeks"]))
    before, now = (score_customers(facts, day, scoring).select("customer_id", "group") for day in (start, end))
    both = before.join(now, on="customer_id", how="full", coalesce=True, suffix="_now").select(
        "customer_id",
        pl.col("group").fill_null(OUTSIDE).alias("from"),
        pl.col("group_now").fill_null(OUTSIDE).alias("to"),
    )
    return facts.keep_members(both, window)


def _share(part: pl.Expr, total: pl.Expr) -> pl.Expr:
    return pl.when(total > 0).then(part / total).alias("share")


def _notes(options: Options) -> pl.Expr:
    return pl.concat_list(pl.lit(f"by_{options['basis']}")).alias("notes")
