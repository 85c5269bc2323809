"""Filters on the properties of an event: ``store=S1``, ``amount>=1000, category=tea``. All have to hold.

Amounts are in minor units of the shop's currency, as everywhere inside. An order's categories are its own and those of its
lines: ``category=tea`` finds orders that hold tea, ``category!=tea`` those that hold none; the two never share an order. A shop's own
properties go by ``property:`` and their name, and mean what they mean in rules: ``property:tags=vegan``, ``property:minutes>=20``.
"""

import operator
from collections.abc import Callable
from typing import Any

import polars as pl

from segments.event_properties import own_name
from segments.metrics.free_texts import Condition, read_conditions
from segments.rules.behaviour import Match
from segments.rules.own_matching import holds_own

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
        events: columns of `facts.EVENTS`, and ``properties`` where a shop's own are asked (`asks_own`).
        lines: order lines with ``seq`` and ``category``; None where there are none.
        text: the filter.
    """
    for condition in read_conditions(text):
        if condition.is_own:
            events = events.filter(_own(condition))
            continue
        events = _keep(events, lines, condition)
    return events


def asks_own(text: str) -> bool:
    """Whether a filter asks for a shop's own properties.

    Raises:
        BadOption: it cannot be read.
    """
    return any(condition.is_own for condition in read_conditions(text))


def _own(condition: Condition) -> pl.Expr:
    if isinstance(condition.value, int):
        match = Match(condition.name, condition.operator, condition.value)
    else:
        match = Match(condition.name, "in" if condition.operator == "=" else "not_in", (condition.value,))
    return holds_own(match, own_name(condition.name))


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
