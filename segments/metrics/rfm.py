"""RFM: how recently, how often and for how much each customer bought, as scores from 1 to 5, and ten groups made of them."""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from functools import reduce
from itertools import product

import numpy as np
import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.free_texts import read_limits
from segments.metrics.metric import Options
from segments.metrics.purchase_days import AT_ONCE, PurchaseDays, number_of, of_frame
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

_PARTING = {"recency": (1, 2, 3, 4), "purchases": (1, 2, 3), "spend": (2, 3)}
"""Which fifths part `GROUPS`: no rule tells a frequency of 4 from one of 5."""

MANY = 0.02
"""A value that so large a share has moves a group's size, ..."""

_ERRORS = 3
"""... where a limit lies within so many standard errors of it."""

_BEST = ("champions", "loyal")
OUTSIDE = "outside"
"""No purchase in the span: not scored."""


def score_customers(facts: Facts, day: date, options: Options) -> pl.LazyFrame:
    """Everyone who bought in the span that ends with a day, scored among each other.

    ``customer_id``, ``recency`` (business days since the last purchase), ``purchases``, ``spend`` (net, minor units), the
    scores ``r``, ``f``, ``m`` and the ``group``. By ranks a score is ceil(5 × minimum rank ÷ n), so that equals score equally;
    by thresholds one more than the thresholds reached.
    """
    return facts.once(("rfm", day, *options.items()), lambda: facts.lay(scored_parts(facts, day, options)).lazy())


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


def scored_parts(facts: Facts, day: date, options: Options) -> Iterator[pl.DataFrame]:
    """`score_customers`, some customers after the others."""
    first = day - timedelta(days=int(options["span"]) - 1)
    if facts.frame is not None and options["basis"] == "days":
        bought = facts.lay(of_frame(facts.frame, day, lambda purchases: bought_since(purchases, first, day)))
    else:
        bought = _listed(facts, first, day, str(options["basis"]))
    return score(bought, options)


def _listed(facts: Facts, first: date, day: date, basis: str) -> pl.DataFrame:
    """`bought_since`, of a row a purchase."""
    bought = (
        number_purchases(facts, basis)
        .filter(pl.col("business_day").is_between(first, day))
        .group_by("customer_id")
        .agg(
            (pl.lit(day) - pl.col("business_day").max()).dt.total_days().alias("recency"),
            pl.len().cast(pl.Int64).alias("purchases"),
            pl.col("net").sum().alias("spend"),
        )
    )
    return bought.collect()


def bought_since(purchases: PurchaseDays, first: date, day: date) -> pl.DataFrame:
    """``row``, ``recency``, ``purchases`` and ``spend`` of everyone who bought from ``first`` to ``day``.

    ``purchases`` are those up to the end of ``day``.
    """
    count = purchases.sums(purchases.days >= number_of(first))
    end = purchases.first[1:]
    recency = number_of(day) - purchases.days[end - 1].astype(np.int64)
    found = purchases.table(
        {"recency": recency, "purchases": count, "spend": purchases.sums(purchases.nets, end - count)}
    )
    return found.filter(pl.col("purchases") > 0)


def score(bought: pl.DataFrame, options: Options) -> Iterator[pl.DataFrame]:
    """Everyone of `bought_since` with the scores among each other, and the group; part by part, one at least."""
    scores = _by_thresholds(options) if options["scores"] == "thresholds" else _by_ranks(bought)
    for rows in bought.iter_slices(AT_ONCE) if bought.height else [bought]:
        scored = rows.with_columns(**scores)
        yield scored.with_columns(_ALL_SCORES.get_column("group").gather(scored.select(_place()).to_series()))


def name_group() -> pl.Expr:
    """The first group whose rule the scores satisfy."""
    return reduce(
        lambda rest, name: pl.when(pl.sql_expr(GROUPS[name])).then(pl.lit(name)).otherwise(rest),
        reversed(GROUPS),
        pl.lit(None, pl.String),
    )


def _place() -> pl.Expr:
    """Where scores stand among all there are."""
    r, f, m = (pl.col(name) - 1 for name in ("r", "f", "m"))
    return r * _TOP**2 + f * _TOP + m


_ALL_SCORES = pl.DataFrame(list(product(range(1, _TOP + 1), repeat=3)), schema=["r", "f", "m"], orient="row").with_columns(
    name_group().alias("group")
)  # fmt: skip
"""Every score there is with its group, in order: looked up, since ten rules for each of a million customers take their time."""


def _by_ranks(bought: pl.DataFrame) -> dict[str, pl.Expr]:
    return {
        "r": _ranked(bought.get_column("recency"), best_first=True),
        "f": _ranked(bought.get_column("purchases")),
        "m": _ranked(bought.get_column("spend")),
    }


def is_steady(bought: pl.DataFrame) -> bool:
    """Whether everyone would part into groups as these people of a sample do.

    Equals score equally. Where as good as a fifth (or two, ...) of the sample lies below a value that many share, by chance it might
    have been on the other side, and all of them in another group.
    """
    people = bought.height
    if not people:
        return False
    for name, fifths in _PARTING.items():
        counted = bought.get_column(name).value_counts(name="times").sort(name, descending=name == "recency")
        below = (pl.col("times").cum_sum() - pl.col("times")) / people
        shared = counted.select(below.alias("below"), "times").filter(pl.col("times") >= MANY * people)
        for k in fifths:
            error = math.sqrt(k * (_TOP - k) / people) / _TOP
            if not shared.filter((pl.col("below") - k / _TOP).abs() < _ERRORS * error).is_empty():
                return False
    return True


def _ranked(column: pl.Series, *, best_first: bool = False) -> pl.Expr:
    """Over the column: ceil(5 × minimum rank ÷ n) of each value; ``best_first``: the smaller a value the higher.

    The minimum rank is one more than the values below. So the score exceeds k where at least ⌊k n ÷ 5⌋ values lie below: where
    the value exceeds the one that stands at that place. Four places are found without a sort of all.
    """
    values, value = column.to_numpy(writable=True), pl.col(column.name)
    if best_first:
        np.negative(values, out=values)
        value = -value
    ends = [k * len(values) // _TOP for k in range(1, _TOP)]
    places = [end - 1 for end in ends if end]
    if places:
        values.partition(places)
    surely = 1 + sum(end == 0 for end in ends)
    return sum(((value > int(values[place])).cast(pl.Int8) for place in places), start=pl.lit(surely, pl.Int8))


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
