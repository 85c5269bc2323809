"""When members open the app: often while it is new, then as their habit is, until it is forgotten; and around a visit."""

import polars as pl

from backend.demo.dice import Dice
from backend.demo.people import habit
from backend.demo.purchases import moment
from backend.demo.shop import ShopConfig

HOURS = {
    6: 2,
    7: 6,
    8: 8,
    9: 4,
    10: 4,
    11: 6,
    12: 11,
    13: 6,
    14: 4,
    15: 6,
    16: 5,
    17: 6,
    18: 8,
    19: 8,
    20: 9,
    21: 9,
    22: 6,
    23: 2,
}
"""At which hours people look at the app: on the way to work, at lunch, in the evening."""

MOST_IN_A_WEEK = 12


def launches(people: pl.DataFrame, orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """One row a launch: member, launch (its number within the member), at (local time), from_background."""
    dice = Dice(config.seed)
    found = pl.concat([_of_weeks(people, config, dice), _around_visits(orders, dice)]).sort("member", "at")
    return found.with_columns(pl.int_range(pl.len()).over("member").alias("launch")).with_columns(
        dice.happens("from background", 0.18, "member", "launch").alias("from_background")
    )


def _of_weeks(people: pl.DataFrame, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    users = people.filter("has_app").select("member", "habit", "joined", "weeks_until_forgotten")
    lived = ((pl.lit(config.last) - pl.col("joined")).dt.total_days() // 7 + 1).cast(pl.Float64)
    used = pl.min_horizontal(lived, pl.col("weeks_until_forgotten").ceil()).cast(pl.Int64)
    weeks = users.with_columns(pl.int_ranges(0, used).alias("week")).explode("week", empty_as_null=True)
    rate = habit("launches") * (1 + 1.4 * (-pl.col("week") / 2.5).exp())
    counted = _with_count(weeks, rate, dice.uniform("launches", "member", "week"))
    each = counted.with_columns(pl.int_ranges(0, pl.col("count")).alias("which")).filter(pl.col("count") > 0)
    each = each.explode("which", empty_as_null=True)
    offset = pl.col("week") * 7 + dice.below("launch day", 7, "member", "week", "which")
    dated = each.with_columns((pl.col("joined") + pl.duration(days=offset)).alias("day")).filter(
        pl.col("day") <= config.last
    )
    return dated.select("member", moment(dice, "launch time", HOURS, "day", "member", "week", "which").alias("at"))


def _around_visits(orders: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Three in five visits of people with the app begin with a look at it."""
    looks = pl.col("has_app") & dice.happens("looks first", 0.6, "member", "order")
    early = pl.duration(minutes=1 + dice.below("how early", 70, "member", "order"))
    return orders.filter(looks).select("member", (pl.col("at") - early).alias("at"))


def _with_count(weeks: pl.DataFrame, rate: pl.Expr, chance: pl.Expr) -> pl.DataFrame:
    """A Poisson count by inverting the distribution: one more for every cumulated probability below ``chance``."""
    frame = weeks.with_columns(rate.alias("rate"), chance.alias("chance"), pl.lit(0, dtype=pl.Int64).alias("count"))
    frame = frame.with_columns((-pl.col("rate")).exp().alias("term")).with_columns(pl.col("term").alias("cumulated"))
    for number in range(1, MOST_IN_A_WEEK + 1):
        frame = frame.with_columns(
            pl.col("count") + (pl.col("chance") >= pl.col("cumulated")).cast(pl.Int64),
            pl.col("term") * pl.col("rate") / number,
        ).with_columns(pl.col("cumulated") + pl.col("term"))
    return frame.drop("rate", "chance", "term", "cumulated")
