"""Orders: one per order number, net of what went back, and what they say about a customer."""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.reduce.days import ORDER_LINE, WHOLE, Frame
from segments.reduce.select import keep_largest, once

_COMPLETED = str(EventName.ORDER_COMPLETED)
_CANCELLED = str(EventName.ORDER_CANCELLED)
_BACK = [str(EventName.ORDER_REFUNDED), _CANCELLED]
ORDER_EVENTS = (_COMPLETED, *_BACK)
"""Events that decide which orders count."""

WHO = ("customer_id",)


def list_orders(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """One row per person and order number: the report with the lowest ``first_seq`` is the order.

    Columns beside ``who``: ``key`` (order number), ``business_day``, ``first_at``, ``first_seq``, ``store``,
    ``amount``, ``net`` (less its own refunds, 0 when all of it went back), ``counted`` (false when it was
    cancelled or wholly refunded by anything in ``facts``). Money in minor units.
    """
    reports = once(facts.filter(nw.col("event") == _COMPLETED))
    first = reports.group_by(*who, "key").agg(nw.col("first_seq").min())
    orders = reports.join(first, on=[*who, "key", "first_seq"], how="inner")
    joined = orders.join(_gone_back(facts, who=who), on=[*who, "key"], how="left")
    refunded = nw.coalesce("refunded", nw.lit(0, nw.Int64))
    whole = nw.coalesce("whole", nw.lit(0, nw.Int64)) == 1
    gone = whole | (~nw.col("refunded").is_null() & (refunded >= nw.col("amount")))
    left = nw.col("amount") - refunded
    return joined.select(
        *who,
        "key",
        "business_day",
        "first_at",
        "first_seq",
        nw.col("detail").alias("store"),
        "amount",
        nw.when(whole).then(nw.lit(0, nw.Int64)).otherwise(left).alias("net"),
        (~gone).alias("counted"),
    )


def summarise_orders(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person: orders, purchase_days, spend, first_order, second_order, last_order; only people with any money moved."""
    orders = once(list_orders(facts, who=who))
    kept = orders.filter(nw.col("counted"))
    totals = kept.group_by(*who).agg(
        nw.col("key").count().cast(nw.Int64).alias("orders"),
        nw.col("business_day").n_unique().cast(nw.Int64).alias("purchase_days"),
        nw.col("business_day").min().alias("first_order"),
        nw.col("business_day").max().alias("last_order"),
    )
    counted = once(totals)
    spend = _money(facts, orders, who=who).group_by(*who).agg(nw.col("spend").sum())
    return spend.join(counted, on=[*who], how="left").join(_second_days(kept, counted, who=who), on=[*who], how="left")


def _second_days(kept: Frame, counted: Frame, *, who: Sequence[str]) -> Frame:
    """Per person the second business day with an order."""
    later = kept.select(*who, "business_day").join(counted.select(*who, "first_order"), on=[*who], how="inner")
    later = later.filter(nw.col("business_day") > nw.col("first_order"))
    return later.group_by(*who).agg(nw.col("business_day").min().alias("second_order"))


def favorite_categories(facts: Frame, *, who: Sequence[str] = WHO) -> Frame:
    """Per person the category of most quantity in counted orders; ties go to more money, then to the name."""
    counted = list_orders(facts, who=who).filter(nw.col("counted")).select(*who, "key", "first_seq")
    lines = facts.filter((nw.col("event") == ORDER_LINE) & (nw.col("detail") != ""))
    per_category = (
        lines.join(counted, on=[*who, "key", "first_seq"], how="inner")
        .group_by(*who, "detail")
        .agg(nw.col("count").sum(), nw.col("amount").sum())
    )
    best = keep_largest(keep_largest(per_category, "count", who=who), "amount", who=who)
    return best.group_by(*who).agg(nw.col("detail").min().alias("favorite_category"))


def _gone_back(facts: Frame, *, who: Sequence[str]) -> Frame:
    """Per person and order number: money refunded, and whether all of the order went back by word."""
    whole = (nw.col("event") == _CANCELLED) | (nw.col("detail") == WHOLE)
    return (
        facts.filter(nw.col("event").is_in(_BACK))
        .with_columns(whole.cast(nw.Int64).alias("whole"))
        .group_by(*who, "key")
        .agg(nw.col("amount").sum().alias("refunded"), nw.col("whole").max())
    )


def _money(facts: Frame, orders: Frame, *, who: Sequence[str]) -> Frame:
    """Signed amounts: each order net, and each refund or cancellation whose order is not known."""
    strangers = _gone_back(facts, who=who).join(orders, on=[*who, "key"], how="anti")
    return nw.concat(
        [
            orders.select(*who, nw.col("net").alias("spend")),
            strangers.select(*who, (nw.lit(0, nw.Int64) - nw.col("refunded")).alias("spend")),
        ],
        how="vertical",
    )
