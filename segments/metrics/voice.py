"""What customers say: the Net Promoter Score.

Interval: adjusted Wald, which adds 0.75 promoters, 1.5 passives and 0.75 detractors (Rocks 2016, "Interval estimation for
the Net Promoter Score", The American Statistician 70). It holds its level at the few answers that shops get.
"""

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.windows import Window

_ANSWERED = str(EventName.SURVEY_ANSWERED)
_HIGHEST, _PROMOTES, _DETRACTS = 10, 9, 6
_ADDED_EACH, _ADDED = 0.75, 3.0
_Z = 1.959963984540054
FEWEST = 5
"""Answers below which no interval is given."""
FEW = 50
"""Answers below which the score is for reference only (参考値)."""


def nps(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Share of the promoters (9, 10) less that of the detractors (0 to 6), in points, over latest answers."""
    kinds = _latest(facts, window).select(
        (pl.col("score") >= _PROMOTES).sum().cast(pl.Int64).alias("promoters"),
        (pl.col("score") <= _DETRACTS).sum().cast(pl.Int64).alias("detractors"),
        pl.len().cast(pl.Int64).alias("denominator"),
    )
    difference, answers = pl.col("promoters") - pl.col("detractors"), pl.col("denominator")
    low, high = _interval()
    few = pl.when((answers < FEW) & (answers > 0)).then(pl.lit("reference_only"))
    return kinds.select(
        difference.alias("numerator"),
        answers,
        pl.when(answers > 0).then(100 * difference / answers).alias("value"),
        pl.when(answers >= FEWEST).then(low).alias("low"),
        pl.when(answers >= FEWEST).then(high).alias("high"),
        pl.concat_list(few).list.drop_nulls().alias("notes"),
    )


def nps_groups(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Promoters, passives and detractors, and their shares of those who answered."""
    group = (
        pl.when(pl.col("score") >= _PROMOTES)
        .then(pl.lit("promoters"))
        .when(pl.col("score") <= _DETRACTS)
        .then(pl.lit("detractors"))
        .otherwise(pl.lit("passives"))
    )
    counted = _latest(facts, window).group_by(group.alias("group")).agg(pl.len().cast(pl.Int64).alias("customers"))
    order = pl.LazyFrame({"group": ["promoters", "passives", "detractors"]})
    return order.join(counted, on="group", how="left", maintain_order="left").select(
        "group", pl.col("customers").fill_null(0), share_of_all(pl.col("customers").fill_null(0))
    )


def share_of_all(customers: pl.Expr) -> pl.Expr:
    """Column ``share``: of the sum; null where that is 0."""
    return pl.when(customers.sum() > 0).then(customers / customers.sum()).alias("share")


def _latest(facts: Facts, window: Window) -> pl.LazyFrame:
    """``customer_id`` and ``score`` of the latest answer of each member in the window; of two at once the later told."""
    answers = facts.happened([_ANSWERED]).filter(within(window) & pl.col("score").is_between(0, _HIGHEST))
    newest = answers.sort("occurred_at", "seq").group_by("customer_id").agg(pl.col("score").last())
    return facts.keep_members(newest, window)


def _interval() -> tuple[pl.Expr, pl.Expr]:
    count = pl.col("denominator") + _ADDED
    for_it, against = ((pl.col(name) + _ADDED_EACH) / count for name in ("promoters", "detractors"))
    middle = for_it - against
    half = _Z * ((for_it + against - middle**2) / count).sqrt()
    return (100 * (middle - half)).clip(-100, 100), (100 * (middle + half)).clip(-100, 100)
