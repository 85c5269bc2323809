"""Coupons through all five stages: issued, viewed, presented, redeemed, expired. A use always belongs to an order."""

from dataclasses import dataclass

import polars as pl

from backend.demo.dice import Dice
from backend.demo.people import LOYAL, REGULAR
from backend.demo.shop import Coupon, ShopConfig, coupons

DISCOUNT = 100
"""Yen that every coupon takes off."""


@dataclass(frozen=True, slots=True)
class CouponBook:
    """Every stage as member, coupon (index into the shop's coupons), at (local time); the uses name their order.

    Attributes:
        issued: by the shop; public coupons are never issued.
        viewed: in the app.
        presented: in the app, at the till.
        redeemed: by the till; with ``order`` and ``store``.
        expired: the morning after the last valid day, unused.
    """

    issued: pl.DataFrame
    viewed: pl.DataFrame
    presented: pl.DataFrame
    redeemed: pl.DataFrame
    expired: pl.DataFrame


def definitions(config: ShopConfig) -> pl.DataFrame:
    """The shop's coupons as rows: coupon (index), coupon_id, kind, valid_from, valid_until."""
    rows = [
        {"coupon": index, "coupon_id": each.coupon_id, "kind": each.kind, "valid_from": each.valid_from, "valid_until": each.valid_until}
        for index, each in enumerate(coupons(config))
    ]  # fmt: skip
    return pl.DataFrame(rows)


def coupon_book(people: pl.DataFrame, orders: pl.DataFrame, config: ShopConfig) -> CouponBook:
    """The stages of every coupon of these members."""
    dice = Dice(config.seed)
    held = pl.concat([_issued(people, each, index, config, dice) for index, each in enumerate(coupons(config))])
    held = held.join(definitions(config), on="coupon").with_columns(pl.col("at").dt.date().alias("since"))
    held = held.filter(pl.col("since") <= config.last)
    shown = _shown(held, orders, config, dice)
    taken = dice.happens("till takes it", 0.92, "member", "coupon")
    viewed = _viewed(held, shown, config, dice)
    redeemed = shown.filter(taken).select("member", "coupon", "order", "store", (pl.col("at") - pl.duration(seconds=5)))
    return CouponBook(
        issued=held.filter(pl.col("kind") != "public").select("member", "coupon", "at", "valid_until"),
        viewed=viewed,
        presented=shown.select("member", "coupon", "store", (pl.col("at") - pl.duration(seconds=90)).alias("at")),
        redeemed=redeemed,
        expired=_expired(held, redeemed, config),
    )


def _issued(people: pl.DataFrame, coupon: Coupon, index: int, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    """Who gets a coupon, and when: member, has_app, coupon, at."""
    joined = pl.col("joined")
    keys = people.with_columns(pl.lit(index, dtype=pl.Int64).alias("coupon"))
    morning = pl.lit(max(coupon.valid_from, config.first)).cast(pl.Datetime("us")) + pl.duration(hours=10)
    match coupon.kind:
        case "welcome":
            gets, at = joined.dt.strftime("%Y-%m") == f"{coupon.valid_from:%Y-%m}", pl.col("joined_at")  # fmt: skip
        case "birthday":
            gets, at = pl.col("birthday").dt.month() == coupon.valid_from.month, morning
        case "thanks":
            gets, at = pl.col("habit") >= REGULAR, morning
        case "public":
            gets, at = pl.col("has_app") & dice.happens("sees it", 0.35, "member", "coupon"), morning
        case _:
            gets, at = dice.happens("is chosen", 0.40, "member", "coupon"), morning
    before = (joined < coupon.valid_from) if coupon.kind != "welcome" else pl.lit(True)  # noqa: FBT003 - a literal column
    spread = pl.duration(seconds=dice.below("issued second", 1800, "member", "coupon"))
    return keys.filter(gets & before).select("member", "habit", "has_app", "coupon", (at + spread).alias("at"))


def _shown(held: pl.DataFrame, orders: pl.DataFrame, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    """The visit at which a coupon is presented, if any: the first that the member likes; one coupon a visit."""
    visits = orders.select("member", "order", "store", "day", pl.col("at").alias("visit"))
    pairs = held.filter("has_app").join(visits, on="member")
    valid = (pl.col("visit") > pl.col("at") + pl.duration(minutes=30)) & (pl.col("day") <= pl.col("valid_until"))
    keen = pl.when(pl.col("habit") == LOYAL).then(0.30).otherwise(0.42)
    likes = dice.happens("presents", keen, "member", "coupon", "order")
    kept_for_later = (pl.col("member") == 0) & (pl.col("kind") == "thanks") & pl.lit(config.seeded)
    chosen = pairs.filter(valid & likes & ~kept_for_later).sort("member", "visit", "coupon")
    chosen = chosen.unique(["member", "coupon"], keep="first", maintain_order=True)
    chosen = chosen.unique(["member", "order"], keep="first", maintain_order=True)
    return chosen.select("member", "coupon", "order", "store", pl.col("visit").alias("at"))


def _viewed(held: pl.DataFrame, shown: pl.DataFrame, config: ShopConfig, dice: Dice) -> pl.DataFrame:
    """Most of those with the app look within days; whoever presents a coupon has looked at it before."""
    keys = ("member", "coupon")
    looks = pl.col("has_app") & (dice.happens("looks", 0.48, *keys) | (pl.col("kind") == "public"))
    after = pl.duration(minutes=5 + (dice.waiting("looks after", 2600.0, *keys)).cast(pl.Int64))
    used = shown.select("member", "coupon", (pl.col("at") - pl.duration(minutes=4)).alias("use"))
    seen = held.join(used, on=keys, how="left").filter(looks | pl.col("use").is_not_null())
    at = pl.min_horizontal(pl.col("at") + after, "use")
    seen = seen.select("member", "coupon", at.alias("at"), "valid_until")
    in_time = (pl.col("at").dt.date() <= pl.col("valid_until")) & (pl.col("at").dt.date() <= config.last)
    return seen.filter(in_time).drop("valid_until")


def _expired(held: pl.DataFrame, redeemed: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    unused = held.filter(pl.col("kind") != "public").join(redeemed, on=["member", "coupon"], how="anti")
    over = unused.filter(pl.col("valid_until") < config.last)
    morning = pl.col("valid_until").cast(pl.Datetime("us")) + pl.duration(days=1, minutes=10)
    return over.select("member", "coupon", morning.alias("at"))
