"""Filters on the properties of an event: ``store=S1``, ``amount>=1000, category=tea``. All have to hold.

Amounts are in minor units of the shop's currency, as everywhere inside. An order's categories are its own and those of its
lines: ``category=tea`` finds orders that hold tea, ``category!=tea`` those that hold none; the two never share an order.
"""

import operator
from collections.abc import Callable
from typing import Any

import polars as pl

from segments.metrics.free_texts import Condition, read_conditions

_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def keep_matching(events: pl.LazyFrame, lines: pl.LazyFrame | None, text: str) -> pl.LazyFrame:
    """The events that satisfy every condition of a filter.

    Args:
        events: columns of `facts.EVENTS`.
        lines: order lines with ``seq`` and ``category``; None where there are none.
        text: the filter.
    """
    for condition in read_conditions(text):
        events = _keep(events, lines, condition)
    return events


def _keep(events: pl.LazyFrame, lines: pl.LazyFrame | None, condition: Condition) -> pl.LazyFrame:
    if condition.name != "category" or lines is None:
        return events.filter(
            _COMPARE[condition.operator](pl.col(condition.name), condition.value).fill_null(value=False)
        )
    named = pl.concat([each.select("seq", "category") for each in (events, lines)]).drop_nulls("category")
    equal = named.filter(pl.col("category") == condition.value)
    if condition.operator == "=":
        return events.join(equal, on="seq", how="semi")
    return events.join(named, on="seq", how="semi").join(equal, on="seq", how="anti")
