"""When members buy, and what: visits to a store with an order each."""

from datetime import timedelta

import polars as pl

from backend.demo.catalogue import CATEGORIES, PER_CATEGORY, products
from backend.demo.dice import Dice
from backend.demo.people import BROWSER, ONCE, habit
from backend.demo.shop import ShopConfig, stores

MOST_PURCHASES = (0, 1, 16, 48, 90)
"""More than anyone of the habit makes in 300 days: what is drawn for each member."""

SEASON = {1: 0.86, 2: 0.97, 3: 0.95, 4: 0.93, 5: 0.95, 6: 0.88, 7: 0.84, 8: 0.80, 9: 0.90, 10: 0.95, 11: 0.95, 12: 1.0}
"""How busy a month is; December and its cakes are the busiest."""

HOURS = {7: 3, 8: 6, 9: 6, 10: 8, 11: 10, 12: 13, 13: 9, 14: 9, 15: 12, 16: 9, 17: 8, 18: 9, 19: 5}
"""At which hours people buy."""


def purchases(people: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """One row an order: member, order (its number within the member, from 0), day, at (local time), store (index)."""
    dice = Dice(config.seed)
    days = _purchase_days(people, config, dice)
    if config.seeded and people["member"].item(0) == 0:
        days = _with_seeded(days, people, config)
    return days.with_columns(
        moment(dice, "order time", HOURS, "day", "member", "order").alias("at"),
        pl.when(dice.happens("elsewhere", 0.14, "member", "order"))
        .then(dice.below("which store", len(stores()), "member", "order"))
        .otherwise(pl.col("home_store"))
        .alias("store"),
    )


def _purchase_days(people: pl.DataFrame, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    wait = (
        pl.when(dice.happens("buys at once", 0.6, "member")).then(0.0).otherwise(dice.waiting("first", 14.0, "member"))
    )
    buyers = people.filter(pl.col("habit") != BROWSER).with_columns(wait.alias("passed"))
    chances = buyers.select("member", "habit", "joined", "home_store", "favourite", "has_app", "passed").with_columns(
        pl.int_ranges(0, pl.lit(pl.Series(MOST_PURCHASES)).gather(pl.col("habit"))).alias("chance")
    )
    steps = chances.explode("chance", empty_as_null=True).with_columns(
        pl.when(pl.col("chance") == 0)
        .then(pl.col("passed"))
        .otherwise(1 + dice.waiting("gap", habit("gap") - 1, "member", "chance"))
        .alias("step"),
        (dice.happens("leaves", habit("leaves"), "member", "chance") & (pl.col("habit") != ONCE)).alias("last"),
    )
    left = pl.col("last").cast(pl.Int64).cum_sum().over("member") - pl.col("last").cast(pl.Int64)
    came = steps.filter(left == 0).with_columns(pl.col("step").cum_sum().over("member").floor().cast(pl.Int64))
    came = came.with_columns((pl.col("joined") + pl.duration(days="step")).alias("day"))
    return _ordered(_rhythm(came.filter(pl.col("day") <= config.last), config, dice))


def _rhythm(came: pl.DataFrame, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    """Weekends draw people, quiet months keep some away. The first purchase stays where it was."""
    weekday = pl.col("day").dt.weekday()
    to_weekend = 6 - weekday + dice.below("saturday or sunday", 2, "member", "chance")
    shifts = dice.happens("at the weekend", 0.3, "member", "chance") & (weekday < 5) & (pl.col("chance") > 0)  # noqa: PLR2004 - Friday
    busy = pl.col("day").dt.month().replace_strict(SEASON, return_dtype=pl.Float64)
    comes = dice.happens("in season", busy, "member", "chance") | (pl.col("chance") == 0)
    shifted = came.filter(comes).with_columns(
        pl.when(shifts).then(pl.col("day") + pl.duration(days=to_weekend)).otherwise(pl.col("day")).alias("day")
    )
    return shifted.filter(pl.col("day") <= config.last)


def _ordered(days: pl.DataFrame) -> pl.DataFrame:
    kept = days.unique(["member", "day"], keep="first", maintain_order=True).sort("member", "day")
    return kept.select(
        "member",
        "habit",
        "favourite",
        "home_store",
        "has_app",
        "day",
        pl.int_range(pl.len()).over("member").alias("order"),
    )


def _with_seeded(days: pl.DataFrame, people: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Member 0 comes every week until two days ago, member 1 came once, 40 days ago."""
    regular, single = (people.row(number, named=True) for number in (0, 1))
    weekly = range(2, (config.today - regular["joined"]).days + 1, 7)
    known = [(0, config.today - timedelta(days=ago)) for ago in weekly] + [(1, single["joined"])]
    rows = [{**{key: people[key].item(member) for key in _KEPT}, "day": day} for member, day in known]
    seeded = pl.DataFrame(rows, schema={**{key: days.schema[key] for key in _KEPT}, "day": pl.Date})
    return pl.concat([days.filter(pl.col("member") > 1).drop("order"), seeded], how="diagonal").pipe(_ordered)


_KEPT = ("member", "habit", "favourite", "home_store", "has_app")


def order_lines(orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """What was bought: member, order, line, product_id, name, category, price, quantity."""
    dice = Dice(config.seed)
    keys = ("member", "order", "line")
    count = dice.pick("lines", (1, 2, 3, 4), (0.45, 0.32, 0.16, 0.07), "member", "order")
    count = pl.when((pl.col("member") == 0) & pl.lit(config.seeded)).then(2).otherwise(count)
    lines = orders.select("member", "order", "favourite", pl.int_ranges(0, count).alias("line"))
    lines = lines.explode("line", empty_as_null=True)
    overall = dice.pick("any category", range(len(CATEGORIES)), [each.share for each in CATEGORIES], *keys)
    category = pl.when(dice.happens("the usual", 0.5, *keys)).then(pl.col("favourite")).otherwise(overall)
    slot = dice.pick("product", range(PER_CATEGORY), (5, 5, 4, 4, 3, 1.2), *keys)
    chosen = lines.with_columns(
        (category * PER_CATEGORY + slot).alias("product"),
        dice.pick("quantity", (1, 2, 3), (0.76, 0.18, 0.06), *keys).alias("quantity"),
    )
    return chosen.unique(["member", "order", "product"], keep="first", maintain_order=True).join(
        products(), on="product"
    )


def moment(dice: Dice, name: str, hours: dict[int, int], day: str, *keys: str) -> pl.Expr:
    """A local time on ``day``: an hour as likely as ``hours`` says, any minute and second."""
    hour = dice.pick(f"{name}: hour", list(hours), list(hours.values()), *keys)
    second = dice.below(f"{name}: second", 3600, *keys)
    return pl.col(day).cast(pl.Datetime("us")) + pl.duration(hours=hour, seconds=second)
