"""What ranks are earned by: moves, each a change of a figure for the day of its order, known since a day of its own.

One order is one move; what comes back of it are moves for the order's day, known since they came back. So a figure of any
past day, as it was known then or later, is a sum. In Narwhals, because this part grows with history.
"""

from collections.abc import Sequence

import narwhals as nw

from segments.events import EventName
from segments.rank_rules import Criterion
from segments.reduce.days import WHOLE, Frame
from segments.reduce.orders import ORDER_EVENTS, WHO

_COMPLETED, _CANCELLED = str(EventName.ORDER_COMPLETED), str(EventName.ORDER_CANCELLED)
_EARNED = str(EventName.POINTS_EARNED)
MOVING = (*ORDER_EVENTS, _EARNED)
"""Events that are moves."""


def rank_moves(facts: Frame, criterion: Criterion, *, who: Sequence[str] = WHO) -> Frame:
    """Rows of ``who``, ``day`` (that it counts for), ``known`` (since when it is so) and ``value`` (Int64)."""
    if criterion is Criterion.POINTS:
        earned = facts.filter(nw.col("event") == _EARNED)
        return earned.select(*who, *_move(nw.col("business_day"), nw.col("business_day"), nw.col("amount")))
    orders = _orders(facts, who=who)
    back = _back(facts, orders, who=who)
    if criterion is Criterion.ORDERS:
        return _counted(orders, back, who=who)
    return _amounts(facts, orders, back, who=who)


def _orders(facts: Frame, *, who: Sequence[str]) -> Frame:
    """One row an order, as `segments.reduce.orders` finds it: ``key``, ``day``, ``amount``."""
    reports = facts.filter(nw.col("event") == _COMPLETED)
    first = reports.group_by(*who, "key").agg(nw.col("first_seq").min())
    orders = reports.join(first, on=[*who, "key", "first_seq"], how="inner")
    return orders.select(*who, "key", nw.col("business_day").alias("day"), "amount")


def _returns(facts: Frame) -> Frame:
    back = facts.filter((nw.col("event") != _COMPLETED) & nw.col("event").is_in(ORDER_EVENTS))
    whole = (nw.col("event") == _CANCELLED) | (nw.col("detail") == WHOLE)
    return back.with_columns(whole.alias("whole"), nw.col("amount").alias("refund"))


def _back(facts: Frame, orders: Frame, *, who: Sequence[str]) -> Frame:
    """What came back of known orders, a row a day: ``day`` of the order, ``amount``, ``known``, ``refund``, ``whole`` (0 or 1)."""
    own = _returns(facts).drop("amount").join(orders, on=[*who, "key"], how="inner")
    known = nw.max_horizontal("business_day", "day")
    return (
        own.with_columns(known.alias("known"), nw.col("whole").cast(nw.Int64))
        .group_by(*who, "key", "day", "amount", "known")
        .agg(nw.col("refund").sum(), nw.col("whole").max())
    )


def _until(back: Frame, *, who: Sequence[str]) -> Frame:
    """Per order and day of a return: ``so_far``, what had come back by its end, and ``gone_by``, whether all had by word."""
    days = back.select(*who, "key", "day", "amount", "known")
    earlier = back.select(*who, "key", nw.col("known").alias("then"), "refund", "whole")
    pairs = days.join(earlier, on=[*who, "key"], how="inner").filter(nw.col("then") <= nw.col("known"))
    return pairs.group_by(*who, "key", "day", "amount", "known").agg(
        nw.col("refund").sum().alias("so_far"), nw.col("whole").max().alias("gone_by")
    )


def _counted(orders: Frame, back: Frame, *, who: Sequence[str]) -> Frame:
    """Each order is one, until the day on which all of it has come back."""
    gone = _until(back, who=who).filter((nw.col("gone_by") == 1) | (nw.col("so_far") >= nw.col("amount")))
    since = gone.group_by(*who, "key", "day").agg(nw.col("known").min())
    one = nw.lit(1, nw.Int64)
    return nw.concat(
        [
            orders.select(*who, *_move(nw.col("day"), nw.col("day"), one)),
            since.select(*who, *_move(nw.col("day"), nw.col("known"), nw.lit(-1, nw.Int64))),
        ],
        how="vertical",
    )


def _amounts(facts: Frame, orders: Frame, back: Frame, *, who: Sequence[str]) -> Frame:
    """Each order's money, less each return; all that is left of it on the day on which all of it came back by word."""
    ended = back.filter(nw.col("whole") == 1).group_by(*who, "key").agg(nw.col("known").min().alias("end"))
    parted = back.join(ended, on=[*who, "key"], how="left")
    parts = parted.filter(nw.col("end").is_null() | (nw.col("known") < nw.col("end")))
    before = parts.group_by(*who, "key").agg(nw.col("refund").sum().alias("before"))
    rest = orders.join(ended, on=[*who, "key"], how="inner").join(before, on=[*who, "key"], how="left")
    left = nw.col("amount") - nw.coalesce("before", nw.lit(0, nw.Int64))
    strangers = _returns(facts).join(orders.select(*who, "key"), on=[*who, "key"], how="anti")
    nothing, day = nw.lit(0, nw.Int64), nw.col("business_day")
    return nw.concat(
        [
            orders.select(*who, *_move(nw.col("day"), nw.col("day"), nw.col("amount"))),
            parts.select(*who, *_move(nw.col("day"), nw.col("known"), nothing - nw.col("refund"))),
            rest.select(*who, *_move(nw.col("day"), nw.col("end"), nothing - left)),
            strangers.select(*who, *_move(day, day, nothing - nw.col("refund"))),
        ],
        how="vertical",
    )


def _move(day: nw.Expr, known: nw.Expr, value: nw.Expr) -> tuple[nw.Expr, nw.Expr, nw.Expr]:
    return day.alias("day"), known.alias("known"), value.alias("value")
