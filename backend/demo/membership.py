"""What the shop's own system records about a member: points, ranks and refunds, all following from the orders."""

from datetime import date, timedelta

import polars as pl

from backend.demo.dice import Dice
from backend.demo.shop import RANK_THRESHOLDS, RANK_WINDOW, RANKS, ShopConfig

YEN_PER_POINT = 100
POINTS_AT_ONCE = 100
"""Members spend this many points whenever they have gathered them."""


def points(orders: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Points earned and points spent, each as member, order, at, points; ``orders`` has a column total, in yen."""
    earned = orders.sort("member", "order").with_columns((pl.col("total") // YEN_PER_POINT).alias("points"))
    rounds = pl.col("points").cum_sum().over("member") // POINTS_AT_ONCE
    before = rounds.shift(1, fill_value=0).over("member")
    spent = earned.with_columns(((rounds - before) * POINTS_AT_ONCE).alias("points"))
    return _dated(earned, seconds=2), _dated(spent, seconds=40)


def _dated(frame: pl.DataFrame, *, seconds: int) -> pl.DataFrame:
    some = frame.filter(pl.col("points") > 0)
    return some.select("member", "order", (pl.col("at") + pl.duration(seconds=seconds)).alias("at"), "points")


def rank_changes(orders: pl.DataFrame, people: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Reviews on the first of each month by what was spent in 90 days: member, at, rank, previous (indices).

    Everyone begins in the lowest rank, with a change that has no previous one.
    """
    joined = people.select(
        "member",
        (pl.col("joined_at") + pl.duration(seconds=20)).alias("at"),
        pl.lit(0, dtype=pl.Int64).alias("rank"),
        pl.lit(None, dtype=pl.Int64).alias("previous"),
    )
    return pl.concat([joined, _reviews(orders, config)])


def _reviews(orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    days = pl.DataFrame({"review": _firsts(config)}, schema={"review": pl.Date})
    counted = orders.select("member", "day", "total").join(days, how="cross")
    since = pl.col("review") - pl.duration(days=RANK_WINDOW)
    spent = counted.filter((pl.col("day") < pl.col("review")) & (pl.col("day") >= since))
    spent = spent.group_by("member", "review").agg(pl.col("total").sum())
    everyone = orders.select("member").unique().join(days, how="cross").join(spent, on=["member", "review"], how="left")
    level = pl.sum_horizontal(
        (pl.col("total").fill_null(0) >= threshold).cast(pl.Int64) for threshold in RANK_THRESHOLDS
    )
    ranked = everyone.sort("member", "review").with_columns(level.alias("rank"))
    ranked = ranked.with_columns(pl.col("rank").shift(1, fill_value=0).over("member").alias("previous"))
    at = pl.col("review").cast(pl.Datetime("us")) + pl.duration(hours=3)
    return ranked.filter(pl.col("rank") != pl.col("previous")).select("member", at.alias("at"), "rank", "previous")


def rank_name(index: str) -> pl.Expr:
    """The name of a rank by its index; null stays null."""
    return pl.lit(pl.Series(RANKS)).gather(pl.col(index))


def _firsts(config: ShopConfig) -> list[date]:
    days = [config.first + timedelta(days=number) for number in range(1, config.days)]
    return [day for day in days if day.day == 1]


def refunds(orders: pl.DataFrame, lines: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """One order in a hundred: the first line, or all of it, given back within three days; member, order, at, total."""
    dice = Dice(config.seed)
    keys = ("member", "order")
    first = lines.filter(pl.col("line") == 0).select(
        "member", "order", (pl.col("price") * pl.col("quantity")).alias("part")
    )
    back = orders.filter(dice.happens("refund", 0.010, *keys)).join(first, on=keys)
    whole = dice.happens("all of it", 0.35, *keys)
    later = pl.duration(hours=2 + dice.below("how late", 70, *keys))
    total = pl.when(whole).then(pl.col("total")).otherwise(pl.min_horizontal("part", "total"))
    given = back.select("member", "order", (pl.col("at") + later).alias("at"), total.alias("total"))
    return given.filter(pl.col("at").dt.date() <= config.last)


def cancellations(orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Three orders in a thousand are taken back at the till, minutes later; never one of the seeded members'."""
    dice = Dice(config.seed)
    chosen = orders.filter(dice.happens("cancelled", 0.003, "member", "order") & (pl.col("member") > 1))
    return chosen.select("member", "order", (pl.col("at") + pl.duration(minutes=4)).alias("at"))
