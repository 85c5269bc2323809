"""Coupons: what became of the (customer, coupon) pairs issued in a window."""

import narwhals as nw
import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts
from segments.metrics.metric import Options
from segments.reduce.coupons import issued_pairs
from segments.windows import Window

_VIEWED = str(EventName.COUPON_VIEWED)
_PRESENTED = str(EventName.COUPON_PRESENTED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_EXPIRED = str(EventName.COUPON_EXPIRED)
_ALL = [str(EventName.COUPON_ISSUED), _VIEWED, _PRESENTED, _REDEEMED, _EXPIRED]
_PAIR = ["customer_id", "key"]


def coupon_view_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs viewed ÷ pairs issued in the window."""
    return _rate(facts, window, of=pl.col("viewed"))


def coupon_presentation_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs presented ÷ pairs issued in the window."""
    return _rate(facts, window, of=pl.col("presented"))


def coupon_use_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs redeemed ÷ pairs issued in the window; presented where no till reports redemptions."""
    used = pl.when(pl.col("till")).then(pl.col("redeemed")).otherwise(pl.col("presented"))
    return _rate(facts, window, of=used, without_till="no_till")


def coupon_redemption_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs presented and redeemed ÷ pairs presented, of those issued in the window."""
    both = pl.col("presented") & pl.col("redeemed")
    return _rate(facts, window, of=both, among=pl.col("presented"), without_till="no_till_redeemed")


def issued_pairs_of(facts: Facts, window: Window) -> pl.LazyFrame:
    """One row a pair issued in the window.

    Columns: ``customer_id``, ``key`` (coupon), ``issued``; what happened to it at any time: ``viewed``,
    ``presented``, ``redeemed``; ``open`` (validity has not ended), ``told`` (its validity is known), ``till``
    (the shop has redemptions at all).
    """
    pairs = facts.once("pairs", lambda: _all_pairs(facts))
    return facts.keep_members(pairs.filter(pl.col("issued").is_between(window.first, window.last)), window)


def _all_pairs(facts: Facts) -> pl.LazyFrame:
    rows = facts.of(_ALL).select(*_PAIR, "event", "business_day").cache()
    definitions = None if facts.coupons is None else nw.from_native(facts.coupons)
    issued: pl.LazyFrame = issued_pairs(nw.from_native(rows), definitions=definitions).to_native()
    happened = rows.group_by(_PAIR).agg(
        (pl.col("event") == _VIEWED).any().alias("viewed"),
        (pl.col("event") == _PRESENTED).any().alias("presented"),
        (pl.col("event") == _REDEEMED).any().alias("redeemed"),
        (pl.col("event") == _EXPIRED).any().alias("expired"),
    )
    till = rows.select((pl.col("event") == _REDEEMED).any().alias("till"))
    return _with_validity(facts, issued.join(happened, on=_PAIR, how="left").join(till, how="cross"))


def _with_validity(facts: Facts, pairs: pl.LazyFrame) -> pl.LazyFrame:
    if facts.coupons is None:
        known = pairs.with_columns(pl.lit(None, dtype=pl.Date).alias("valid_until"))
    else:
        ends = facts.coupons.select(pl.col("coupon_id").alias("key"), pl.col("valid_until").cast(pl.Date))
        known = pairs.join(ends, on="key", how="left")
    running = (~facts.ended(pl.col("valid_until"))).fill_null(value=False)
    return known.with_columns(
        (running & ~pl.col("expired")).alias("open"),
        (pl.col("valid_until").is_not_null() | pl.col("expired")).alias("told"),
    )


def _rate(
    facts: Facts, window: Window, *, of: pl.Expr, among: pl.Expr | None = None, without_till: str | None = None
) -> pl.LazyFrame:
    base = pl.lit(value=True) if among is None else among
    pairs = issued_pairs_of(facts, window).with_columns(of.alias("of"), base.alias("base"))
    linked = pl.col("till").first().fill_null(value=True)
    note = pl.when(~linked).then(pl.lit(without_till, dtype=pl.String))
    unknown = pl.when((~pl.col("told")).any()).then(pl.lit("validity_unknown"))
    return pairs.select(
        (pl.col("of") & pl.col("base")).sum().cast(pl.Int64).alias("numerator"),
        pl.col("base").sum().cast(pl.Int64).alias("denominator"),
        pl.col("open").any().alias("incomplete"),
        pl.concat_list(note, unknown).list.drop_nulls().alias("notes"),
    )
