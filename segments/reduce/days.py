"""Events → customer_days: what each customer did on each business day, as long, additive rows.

A batch of events becomes rows that are appended; rows of many batches are aggregated again on reading
(`aggregate_days`), so that counting piece by piece equals counting once. Two things are not summed: an
``Order Completed`` and its lines stay apart by ``first_seq``, because the same order may be reported twice
and only its first report counts.

Written in Narwhals with the few operations that a cluster engine shares with Polars.

=====================================  ==================  =======================================
event                                  key                 detail
=====================================  ==================  =======================================
Order Completed                        order_key           store
Order Refunded                         order_key           "whole" where no amount was named
Order Cancelled                        order_key
Order Line (derived; count=quantity)   order_key           category
Coupon Issued                          coupon_id           last day it can be used, where the issue names one
Coupon …                               coupon_id           store
Store Visited                          store
Membership Rank Changed                rank
Product Viewed                         category
Push Notification …                    campaign_id         delivery_id
Device Seen (derived), App…, Retired   device_key
anything else                          (empty)
=====================================  ==================  =======================================
"""

from typing import Any

import narwhals as nw
import polars as pl

from segments.events import EventName

Frame = nw.LazyFrame[Any]
"""Any engine's lazy frame, seen through Narwhals."""

DEVICE_SEEN = "Device Seen"
"""Derived: an event came from this device on this day."""

ORDER_LINE = "Order Line"
"""Derived: lines of one order in one category; ``count`` is the quantity."""

DERIVED = (DEVICE_SEEN, ORDER_LINE)
"""Events that exist in customer_days only."""

WHOLE = "whole"
"""Detail of a refund that names no amount: all of the order went back."""

BUCKETS = 16

DAYS_SCHEMA: dict[str, pl.DataType] = {
    "bucket": pl.Int32(),
    "customer_id": pl.Int64(),
    "business_day": pl.Date(),
    "event": pl.String(),
    "key": pl.String(),
    "detail": pl.String(),
    "count": pl.Int64(),
    "amount": pl.Int64(),
    "first_at": pl.Datetime("us", "UTC"),
    "last_at": pl.Datetime("us", "UTC"),
    "first_seq": pl.Int64(),
    "trusted": pl.Boolean(),
}
"""Columns of the lake table ``customer_days``, in order; none is ever null."""

_ORDER = str(EventName.ORDER_COMPLETED)
_REFUND = str(EventName.ORDER_REFUNDED)
_BY_ORDER = [_ORDER, _REFUND, str(EventName.ORDER_CANCELLED)]
_BY_COUPON = [
    str(name)
    for name in (
        EventName.COUPON_ISSUED,
        EventName.COUPON_VIEWED,
        EventName.COUPON_PRESENTED,
        EventName.COUPON_REDEEMED,
        EventName.COUPON_EXPIRED,
    )
]
_ISSUED = str(EventName.COUPON_ISSUED)
_BY_CAMPAIGN = [str(EventName.PUSH_RECEIVED), str(EventName.PUSH_TAPPED)]
_ENDS_DEVICE = [str(EventName.APPLICATION_UNINSTALLED), str(EventName.ADDRESS_RETIRED)]
_LAUNCH = str(EventName.APPLICATION_OPENED)
_BY_DEVICE = [
    _LAUNCH,
    str(EventName.APPLICATION_INSTALLED),
    str(EventName.APPLICATION_BACKGROUNDED),
    str(EventName.APPLICATION_UPDATED),
    *_ENDS_DEVICE,
]
_IDENTITY = ["customer_id", "business_day", "event", "key", "detail", "trusted"]


def customer_days(events: Frame, order_lines: Frame) -> Frame:
    """Rows of customer_days made by a batch of events and the order lines of the same batch.

    Args:
        events: columns of the lake table ``events``.
        order_lines: columns of the lake table ``order_lines``; each line's ``seq`` is that of its order's event.
    """
    rows = nw.concat([_occurrences(events), _devices_seen(events), _lines(events, order_lines)], how="vertical")
    return aggregate_days(rows)


def aggregate_days(days: Frame) -> Frame:
    """The same facts with one row per identity; aggregating twice, or in pieces, changes nothing."""
    apart = nw.col("event").is_in([_ORDER, ORDER_LINE])
    return (
        days.with_columns(nw.when(apart).then(nw.col("first_seq")).otherwise(nw.lit(0, nw.Int64)).alias("_apart"))
        .group_by(*_IDENTITY, "_apart")
        .agg(
            nw.col("count").sum(),
            nw.col("amount").sum(),
            nw.col("first_at").min(),
            nw.col("last_at").max(),
            nw.col("first_seq").min(),
        )
        .with_columns((nw.col("customer_id") % BUCKETS).cast(nw.Int32).alias("bucket"))
        .select(*DAYS_SCHEMA)
    )


def merge_customers(days: Frame, merges: Frame) -> Frame:
    """Every row under the customer who survived; history is counted anew, nothing is rewritten.

    ``merges`` has columns ``customer_id`` and ``survivor``, followed to the end: no survivor is itself
    merged. The bucket stays that of the row's own customer.
    """
    return (
        days.join(merges.select("customer_id", "survivor"), on="customer_id", how="left")
        .with_columns(nw.coalesce("survivor", "customer_id").alias("customer_id"))
        .select(*days.collect_schema().names())
    )


def _text(column: str) -> nw.Expr:
    return nw.coalesce(nw.col(column).cast(nw.String), nw.lit(""))


def _key() -> nw.Expr:
    event = nw.col("event")
    return (
        nw.when(event.is_in(_BY_ORDER))
        .then(_text("order_key"))
        .when(event.is_in(_BY_COUPON))
        .then(_text("coupon_id"))
        .when(event == str(EventName.STORE_VISITED))
        .then(_text("store"))
        .when(event == str(EventName.MEMBERSHIP_RANK_CHANGED))
        .then(_text("rank"))
        .when(event == str(EventName.PRODUCT_VIEWED))
        .then(_text("category"))
        .when(event.is_in(_BY_CAMPAIGN))
        .then(_text("campaign_id"))
        .when(event.is_in(_BY_DEVICE))
        .then(_text("device_key"))
        .otherwise(nw.lit(""))
    )


def _detail() -> nw.Expr:
    event = nw.col("event")
    return (
        nw.when(event == _ISSUED)
        .then(_text("valid_until"))
        .when(event.is_in([_ORDER, *_BY_COUPON]))
        .then(_text("store"))
        .when((event == _REFUND) & nw.col("amount").is_null())
        .then(nw.lit(WHOLE))
        .when(event.is_in(_BY_CAMPAIGN))
        .then(_text("delivery_id"))
        .otherwise(nw.lit(""))
    )


def _rows(frame: Frame, **columns: nw.Expr) -> Frame:
    """Unaggregated rows: one per row of ``frame``."""
    return frame.select(
        nw.lit(0, nw.Int32).alias("bucket"),
        nw.col("customer_id").cast(nw.Int64),
        nw.col("business_day"),
        *(columns[name].alias(name) for name in ("event", "key", "detail")),
        columns["count"].cast(nw.Int64).alias("count"),
        nw.coalesce(columns["amount"].cast(nw.Int64), nw.lit(0, nw.Int64)).alias("amount"),
        nw.col("occurred_at").alias("first_at"),
        nw.col("occurred_at").alias("last_at"),
        nw.col("seq").alias("first_seq"),
        nw.col("trusted"),
    )


def _occurrences(events: Frame) -> Frame:
    one = nw.lit(1, nw.Int64)
    return _rows(events, event=nw.col("event"), key=_key(), detail=_detail(), count=one, amount=nw.col("amount"))


def _devices_seen(events: Frame) -> Frame:
    # An app that reports its own launch without naming a device is still a device; one that ends is not seen.
    seen = events.filter(
        ~nw.col("event").is_in(_ENDS_DEVICE) & (~nw.col("device_key").is_null() | (nw.col("event") == _LAUNCH))
    )
    return _rows(
        seen,
        event=nw.lit(DEVICE_SEEN),
        key=_text("device_key"),
        detail=nw.lit(""),
        count=nw.lit(1, nw.Int64),
        amount=nw.lit(0, nw.Int64),
    )


def _lines(events: Frame, order_lines: Frame) -> Frame:
    orders = events.filter(nw.col("event") == _ORDER).select("seq", "occurred_at", "trusted")
    lines = order_lines.join(orders, on="seq", how="inner")
    return _rows(
        lines,
        event=nw.lit(ORDER_LINE),
        key=_text("order_key"),
        detail=_text("category"),
        count=nw.col("quantity"),
        amount=nw.col("amount"),
    )
