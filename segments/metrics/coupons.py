"""Coupons: what became of the (customer, coupon) pairs issued in a window."""

from dataclasses import dataclass, field

import narwhals as nw
import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.reduce.coupons import issued_pairs, with_ends
from segments.windows import Window

_VIEWED = str(EventName.COUPON_VIEWED)
_PRESENTED = str(EventName.COUPON_PRESENTED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_EXPIRED = str(EventName.COUPON_EXPIRED)
_ALL = [str(EventName.COUPON_ISSUED), _VIEWED, _PRESENTED, _REDEEMED, _EXPIRED]
_PAIR = ["customer_id", "key"]


@dataclass(frozen=True, slots=True)
class _Share:
    """Which pairs are counted, of which; ``without_till`` is the remark of a shop whose till reports nothing."""

    of: pl.Expr
    among: pl.Expr = field(default_factory=lambda: pl.col("issued").is_not_null())
    without_till: str | None = None


_VIEWS = _Share(pl.col("viewed"))
_PRESENTATIONS = _Share(pl.col("presented"))
_USES = _Share(pl.when(pl.col("till")).then(pl.col("redeemed")).otherwise(pl.col("presented")), without_till="no_till")
_REDEMPTIONS = _Share(
    pl.col("presented") & pl.col("redeemed"), among=pl.col("presented"), without_till="no_till_redeemed"
)


def coupon_view_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs viewed ÷ pairs issued in the window."""
    return _rate(facts, window, _VIEWS)


def coupon_presentation_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs presented ÷ pairs issued in the window."""
    return _rate(facts, window, _PRESENTATIONS)


def coupon_use_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs redeemed ÷ pairs issued in the window; presented where no till reports redemptions."""
    return _rate(facts, window, _USES)


def coupon_redemption_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Pairs presented and redeemed ÷ pairs presented, of those issued in the window."""
    return _rate(facts, window, _REDEMPTIONS)


def views_by_coupon(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """`coupon_view_rate` coupon by coupon."""
    return _by_coupon(facts, window, _VIEWS)


def presentations_by_coupon(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """`coupon_presentation_rate` coupon by coupon."""
    return _by_coupon(facts, window, _PRESENTATIONS)


def uses_by_coupon(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """`coupon_use_rate` coupon by coupon."""
    return _by_coupon(facts, window, _USES)


def redemptions_by_coupon(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """`coupon_redemption_rate` coupon by coupon."""
    return _by_coupon(facts, window, _REDEMPTIONS)


def coupon_uses(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers who used a coupon in the window."""
    used = _used_in(facts, window)
    return used.select(
        pl.col("customer_id").n_unique().cast(pl.Int64).alias("numerator"),
        pl.lit(None, dtype=pl.Int64).alias("denominator"),
        pl.concat_list(pl.when(pl.col("event").first() == _PRESENTED).then(pl.lit("no_till")))
        .list.drop_nulls()
        .alias("notes"),
    )


def uses_by_store(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Uses in the window and customers who made them, by store; the busiest first."""
    counted = (
        _used_in(facts, window)
        .group_by(pl.col("detail").alias("store"))
        .agg(
            pl.col("count").sum().cast(pl.Int64).alias("uses"),
            pl.col("customer_id").n_unique().cast(pl.Int64).alias("customers"),
        )
    )
    return counted.sort("uses", "store", descending=[True, False])


def _used_in(facts: Facts, window: Window) -> pl.LazyFrame:
    """Redemptions in the window; presentations where the shop has no redemption at all."""
    rows = facts.once("coupon uses", lambda: facts.of([_PRESENTED, _REDEEMED]))
    event = pl.when((pl.col("event") == _REDEEMED).any()).then(pl.lit(_REDEEMED)).otherwise(pl.lit(_PRESENTED))
    counting = rows.filter(pl.col("event") == event)
    return facts.keep_members(counting.filter(within(window)), window)


def issued_pairs_of(facts: Facts, window: Window) -> pl.LazyFrame:
    """One row a pair issued in the window.

    Columns: ``customer_id``, ``key`` (coupon), ``issued``; what happened to it at any time: ``viewed``,
    ``presented``, ``redeemed``; ``open`` (validity has not ended), ``told`` (its validity is known), ``till``
    (the shop has redemptions at all).
    """
    pairs = facts.once("pairs", lambda: _all_pairs(facts))
    return facts.keep_members(pairs.filter(pl.col("issued").is_between(window.first, window.last)), window)


def _all_pairs(facts: Facts) -> pl.LazyFrame:
    rows = facts.of(_ALL).select(*_PAIR, "event", "business_day", "detail").cache()
    definitions = None if facts.coupons is None else nw.from_native(facts.coupons)
    told = nw.from_native(rows)
    pairs = with_ends(issued_pairs(told, definitions=definitions), told, definitions=definitions)
    issued: pl.LazyFrame = pairs.to_native()
    happened = rows.group_by(_PAIR).agg(
        (pl.col("event") == _VIEWED).any().alias("viewed"),
        (pl.col("event") == _PRESENTED).any().alias("presented"),
        (pl.col("event") == _REDEEMED).any().alias("redeemed"),
        (pl.col("event") == _EXPIRED).any().alias("expired"),
    )
    till = rows.select((pl.col("event") == _REDEEMED).any().alias("till"))
    return _with_validity(facts, issued.join(happened, on=_PAIR, how="left").join(till, how="cross"))


def _with_validity(facts: Facts, pairs: pl.LazyFrame) -> pl.LazyFrame:
    running = (~facts.ended(pl.col("ends"))).fill_null(value=False)
    return pairs.with_columns(
        (running & ~pl.col("expired")).alias("open"), (pl.col("ends").is_not_null() | pl.col("expired")).alias("told")
    )


def _rate(facts: Facts, window: Window, share: _Share) -> pl.LazyFrame:
    pairs = issued_pairs_of(facts, window)
    linked = pl.col("till").first().fill_null(value=True)
    note = pl.when(~linked).then(pl.lit(share.without_till, dtype=pl.String))
    unknown = pl.when((~pl.col("told")).any()).then(pl.lit("validity_unknown"))
    return pairs.select(
        *_counts(share),
        pl.col("open").any().alias("incomplete"),
        pl.concat_list(note, unknown).list.drop_nulls().alias("notes"),
    )


def _by_coupon(facts: Facts, window: Window, share: _Share) -> pl.LazyFrame:
    counted = (
        issued_pairs_of(facts, window)
        .group_by(pl.col("key").alias("coupon"))
        .agg(*_counts(share), pl.col("open").any().alias("incomplete"))
    )
    rate = pl.when(pl.col("denominator") > 0).then(pl.col("numerator") / pl.col("denominator"))
    return counted.with_columns(rate.alias("rate")).sort("denominator", "coupon", descending=[True, False])


def _counts(share: _Share) -> tuple[pl.Expr, pl.Expr]:
    return (
        (share.of & share.among).sum().cast(pl.Int64).alias("numerator"),
        share.among.cast(pl.Int64).sum().alias("denominator"),
    )
