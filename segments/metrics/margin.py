"""Lifetime value by gross margin: net sales to date times the rates that the shop states, order by order.

What an order is worth after its refunds is its categories' in proportion to their lines, so a refund takes margin away in
the same proportion. Whole numbers throughout; the margin of an order is rounded once, half up, to minor units.
"""

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.margin_rates import WHOLE, MarginRates, by_category, by_default, version_on
from segments.metrics.metric import Options
from segments.reduce.days import ORDER_LINE
from segments.reduce.orders import ORDER_EVENTS, list_orders
from segments.windows import Window

_WIDE = pl.Int128()
"""Two amounts multiplied need not fit 64 bits."""


def ltv_margin(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Margin to the end of the window ÷ customers with an order by then; withheld where none of it is known."""
    people = _members(facts, window)
    known, partly = pl.col("known").any(), pl.col("partly").any()
    margin, buyers = pl.col("margin").sum(), pl.len().cast(pl.Int64)
    unknown, part, nothing = (pl.lit(pl.Series([notes], dtype=pl.List(pl.String))) for notes in _NOTES)
    return people.select(
        pl.when(known).then(margin).otherwise(0).alias("numerator"),
        buyers.alias("denominator"),
        pl.when(known).then(margin / buyers).alias("value"),
        pl.when(~known).then(unknown).when(partly).then(part).otherwise(nothing).alias("notes"),
    )


_NOTES: tuple[list[str], ...] = (["margin_unknown"], ["margin_partly"], [])


def margin_coverage(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """How much of the sales the margin covers: one row; none where no margin is known."""
    sums = _members(facts, window).select(pl.col("sales", "covered").sum(), pl.col("known").any())
    share = pl.when(pl.col("sales") > 0).then(pl.col("covered") / pl.col("sales"))
    return sums.filter("known").select("sales", "covered", share=share)


def _members(facts: Facts, window: Window) -> pl.LazyFrame:
    end = facts.stands_on(window)
    return facts.keep_members(facts.once(("margin", end), lambda: _by_customer(facts, end)), window)


def _by_customer(facts: Facts, end: date) -> pl.LazyFrame:
    """Of everyone with an order that counts as of a day: margin, and how much of the sales it covers (minor units)."""
    rows = facts.of(ORDER_EVENTS).filter(pl.col("business_day") <= end).collect().lazy()
    orders: pl.LazyFrame = list_orders(nw.from_native(rows)).to_native()
    orders = orders.collect().lazy()
    moved = pl.concat([
        _weighed(facts, orders, end).select(*_MOVED),
        _unnamed(rows, orders, facts.margins).select(*_MOVED),
    ])  # fmt: skip
    net, whole, known, weighted = (pl.col(name).cast(_WIDE) for name in ("net", "whole", "rated", "weighted"))
    sold = pl.col("counted") & (pl.col("net") > 0)
    told = moved.with_columns(
        margin=((net * weighted // whole + WHOLE // 2) // WHOLE).cast(pl.Int64),
        sales=pl.when(sold).then("net").otherwise(0),
        covered=pl.when(sold).then(((2 * net * known + whole) // (2 * whole)).cast(pl.Int64)).otherwise(0),
        known=pl.col("rated") > 0,
        partly=(pl.col("net") != 0) & (pl.col("rated") < pl.col("whole")),
    )
    each = told.group_by("customer_id").agg(
        pl.col("margin", "sales", "covered").sum(), pl.col("known", "partly", "counted").any()
    )
    return each.filter("counted").drop("counted")


_MOVED = ("customer_id", "counted", "net", "whole", "rated", "weighted")
"""Money that moved: ``weighted`` ÷ ``whole`` is its rate, ``rated`` ÷ ``whole`` the part that has one."""


def _weighed(facts: Facts, orders: pl.LazyFrame, end: date) -> pl.LazyFrame:
    """Orders with the weights of their lines; one without lines goes by the default."""
    dated = orders.select("customer_id", "business_day", "first_seq", "counted", "net")
    stood = _by_default_rate(dated, facts.margins)
    weighed = stood.join(_weights(facts, end), on="first_seq", how="left", suffix="_of_lines")
    return weighed.with_columns(
        pl.coalesce(f"{name}_of_lines", name).alias(name) for name in ("whole", "rated", "weighted")
    )


def _unnamed(rows: pl.LazyFrame, orders: pl.LazyFrame, versions: Sequence[MarginRates]) -> pl.LazyFrame:
    """Money given back for orders that nobody knows: by the default on the day it was."""
    back = rows.filter(pl.col("event") != ORDER_EVENTS[0]).join(orders, on=["customer_id", "key"], how="anti")
    summed = back.group_by("customer_id", "key", "business_day").agg(net=-pl.col("amount").sum())
    return _by_default_rate(summed, versions).with_columns(counted=pl.lit(value=False))


def _by_default_rate(rows: pl.LazyFrame, versions: Sequence[MarginRates]) -> pl.LazyFrame:
    dated = rows.with_columns(version=version_on(pl.col("business_day"), versions))
    joined = dated.join(by_default(versions), on="version", how="left")
    default = pl.col("default")
    return joined.with_columns(
        whole=pl.lit(1, pl.Int64),
        rated=default.is_not_null().cast(pl.Int64),
        weighted=default.fill_null(0).cast(_WIDE),
    )


def _weights(facts: Facts, end: date) -> pl.LazyFrame:
    """``first_seq`` of an order: its lines by money, where they name none by quantity; only those above zero count."""
    told = (pl.col("event") == ORDER_LINE) & (pl.col("business_day") <= end)
    lines = facts.days.filter(told).group_by("first_seq", "business_day", category="detail").agg(
        pl.col("amount", "count").sum().clip(lower_bound=0)
    )  # fmt: skip
    priced = pl.col("amount").sum().over("first_seq") > 0
    weighed = lines.with_columns(
        weight=pl.when(priced).then("amount").otherwise("count"),
        version=version_on(pl.col("business_day"), facts.margins),
    )
    named = weighed.join(by_category(facts.margins), on=["version", "category"], how="left")
    rate = pl.coalesce("own_rate", "default")
    found = named.join(by_default(facts.margins), on="version", how="left").group_by("first_seq").agg(
        whole=pl.col("weight").sum(),
        rated=pl.col("weight").filter(rate.is_not_null()).sum(),
        weighted=(pl.col("weight").cast(_WIDE) * rate.fill_null(0)).sum(),
    )  # fmt: skip
    return found.filter(pl.col("whole") > 0)
