"""Which values a property of events really has, and how many people did something with each: what builders suggest."""

from datetime import date, timedelta

import polars as pl

from segments.events import EventName
from segments.history import History
from segments.reduce.days import BUCKETS, ORDER_LINE
from segments.rules.behaviour import OF_LINES, Property
from segments.windows import Window

COUNTED_WHOLE = 200_000
"""Customers up to whom everybody is counted; of more, those of one bucket are, and they stand for all."""

LINES_OF = timedelta(days=90)
"""How far back order lines are looked at: there are far more of them than of days."""

_COUPONS = (
    EventName.COUPON_ISSUED,
    EventName.COUPON_VIEWED,
    EventName.COUPON_PRESENTED,
    EventName.COUPON_REDEEMED,
    EventName.COUPON_EXPIRED,
)
_KEPT: dict[str, tuple[tuple[str, str], ...]] = {
    Property.STORE: (
        (EventName.STORE_VISITED, "key"),
        (EventName.ORDER_COMPLETED, "detail"),
        (EventName.COUPON_REDEEMED, "detail"),
    ),
    Property.CATEGORY: ((ORDER_LINE, "detail"), (EventName.PRODUCT_VIEWED, "key")),
    Property.COUPON: tuple((event, "key") for event in _COUPONS),
    Property.RANK: ((EventName.MEMBERSHIP_RANK_CHANGED, "key"),),
    Property.CAMPAIGN: ((EventName.PUSH_RECEIVED, "key"), (EventName.PUSH_TAPPED, "key")),
}
"""Where customer_days keeps a property: event and column, as `segments.reduce.days` tells."""

COUNTED = frozenset({*_KEPT, *OF_LINES})
"""Properties whose values are counted."""


def people_by_value(
    history: History, name: str, *, customers: int, day: date, most: int
) -> tuple[dict[str, int], bool]:
    """The most frequent values of a property with how many people did something with each, and whether that is an estimate.

    Args:
        history: merges are not applied: who was merged counts twice here.
        name: one of `COUNTED`.
        customers: how many there are.
        day: the running business day.
        most: values at most.
    """
    estimated = customers > COUNTED_WHOLE
    rows = (
        _of_lines(history, name, day, sampled=estimated)
        if name in OF_LINES
        else _of_days(history, name, sampled=estimated)
    )
    people = rows.unique().group_by("value").agg(pl.len().alias("people"))
    largest = people.sort("people", "value", descending=[True, False]).head(most).collect()
    scale = BUCKETS if estimated else 1
    return {value: count * scale for value, count in largest.iter_rows()}, estimated


def _of_days(history: History, name: str, *, sampled: bool) -> pl.LazyFrame:
    days = history.customer_days([0]) if sampled else history.customer_days()
    kept = _KEPT[name]
    parts = [
        days.filter((pl.col("event") == str(event)) & (pl.col(column) != "")).select("customer_id", value=column)
        for event, column in kept
    ]
    return pl.concat(parts)


def _of_lines(history: History, name: str, day: date, *, sampled: bool) -> pl.LazyFrame:
    lines = history.order_lines(Window(day - LINES_OF, day)).filter(pl.col(name).is_not_null())
    some = lines.filter(pl.col("customer_id") % BUCKETS == 0) if sampled else lines
    return some.select("customer_id", value=name)
