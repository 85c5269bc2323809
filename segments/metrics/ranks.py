"""Membership ranks as the shop's own system reports them: who holds which, who rose, who fell."""

from datetime import date, timedelta

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts
from segments.metrics.metric import Options
from segments.metrics.voice import share_of_all
from segments.windows import Window

_CHANGED = str(EventName.MEMBERSHIP_RANK_CHANGED)


def rank_distribution(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """How many customers hold a rank at the end of the window."""
    held = facts.keep_members(_ranks_on(facts, window.last), window)
    return held.select(pl.len().cast(pl.Int64).alias("numerator"), pl.lit(None, dtype=pl.Int64).alias("denominator"))


def ranks_held(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers by rank at the end of the window: in the shop's order where it told one, else the largest first."""
    held = facts.keep_members(_ranks_on(facts, window.last), window)
    counted = held.group_by("rank").agg(pl.len().cast(pl.Int64).alias("customers"))
    return _ordered(counted, facts, "rank").select("rank", "customers", share_of_all(pl.col("customers")))


def rank_transitions(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers who end the window in another rank than they began it ÷ customers ranked at its start."""
    moved = _moves(facts, window).filter(pl.col("from").is_not_null())
    return moved.select(
        (pl.col("from") != pl.col("to")).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
    )


def rank_moves(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers by rank at the start and at the end of the window; ``share`` is of those who began there."""
    counted = _moves(facts, window).group_by("from", "to").agg(pl.len().cast(pl.Int64).alias("customers"))
    began = pl.col("customers").sum().over("from")
    shares = counted.with_columns((pl.col("customers") / began).alias("share"), pl.col("from").fill_null(""))
    return _ordered(_ordered(shares, facts, "to"), facts, "from").select("from", "to", "customers", "share")


def rank_up_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers in a higher rank at the end of the window than at its start ÷ customers ranked at its start."""
    return _moved_rate(facts, window, up=True)


def rank_down_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers in a lower rank at the end of the window than at its start ÷ customers ranked at its start."""
    return _moved_rate(facts, window, up=False)


def _moved_rate(facts: Facts, window: Window, *, up: bool) -> pl.LazyFrame:
    """Null where a rank among those held has no place in the shop's order: nobody can say what is up."""
    place = {rank: number for number, rank in enumerate(facts.ranks)}
    began = _moves(facts, window).filter(pl.col("from").is_not_null())
    step = _place(pl.col("to"), place) - _place(pl.col("from"), place)
    unknown = step.is_null().any()
    moved = (step > 0 if up else step < 0).sum().cast(pl.Int64)
    return began.select(
        pl.when(~unknown).then(moved).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        pl.when(~unknown & (pl.len() > 0)).then(moved / pl.len()).alias("value"),
        pl.concat_list(pl.when(unknown).then(pl.lit("rank_order_unknown"))).list.drop_nulls().alias("notes"),
    )


def _place(rank: pl.Expr, place: dict[str, int]) -> pl.Expr:
    return rank.replace_strict(place, default=None, return_dtype=pl.Int64)


def _moves(facts: Facts, window: Window) -> pl.LazyFrame:
    """``customer_id``, ``from`` (null for no rank yet), ``to``: of everyone ranked at the end of the window."""
    before = _ranks_on(facts, window.first - timedelta(days=1)).rename({"rank": "from"})
    after = _ranks_on(facts, window.last).rename({"rank": "to"})
    return facts.keep_members(after.join(before, on="customer_id", how="left"), window)


def _ranks_on(facts: Facts, day: date) -> pl.LazyFrame:
    """``customer_id``, ``rank``: by the latest report up to the end of a day; of two at once the first by name."""

    def held() -> pl.LazyFrame:
        told = facts.of([_CHANGED]).filter((pl.col("key") != "") & (pl.col("business_day") <= day))
        latest = pl.col("key").filter(pl.col("last_at") == pl.col("last_at").max()).min()
        return told.group_by("customer_id").agg(latest.alias("rank"))

    return facts.once(("ranks on", day), held)


def _ordered(rows: pl.LazyFrame, facts: Facts, column: str) -> pl.LazyFrame:
    place = {rank: number for number, rank in enumerate(facts.ranks)}
    known = pl.col(column).replace_strict(place, default=len(place), return_dtype=pl.Int64)
    return rows.sort(known, -pl.col("customers"), column, maintain_order=True)
