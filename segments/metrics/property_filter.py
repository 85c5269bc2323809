"""Filters on the properties of an event: ``store=S1``, ``amount>=1000, category=tea``. All have to hold.

Amounts are in minor units of the shop's currency, as everywhere inside. A category also finds the orders that hold a line
of it.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from segments.errors import BadOption
from segments.nearest import hint

_TEXTS = ("store", "category", "rank", "coupon_id", "platform")
_NUMBERS = ("amount", "score", "campaign_id")
PROPERTIES = (*_TEXTS, *_NUMBERS)
"""What may be asked about."""

_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_PART = re.compile(r"\s*(\w+)\s*(!=|>=|<=|=|>|<)\s*(.+?)\s*", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; a property that the event does not have never satisfies one."""

    name: str
    operator: str
    value: str | int

    def holds(self) -> pl.Expr:
        """As an expression over events."""
        return _COMPARE[self.operator](pl.col(self.name), pl.lit(self.value)).fill_null(value=False)


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions of a filter; none for an empty text.

    Raises:
        BadOption: it cannot be read, names a property there is none of, or compares a text by size.
    """
    return tuple(_condition(part) for part in text.split(",")) if text.strip() else ()


def _condition(part: str) -> Condition:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadOption(f"a filter reads like store=S1 or amount>=1000, not {part.strip()!r}")
    name, compare, value = found.groups()
    if name not in PROPERTIES:
        raise BadOption(f"events have no property {name}; {hint(name, PROPERTIES)}")
    if name in _TEXTS:
        if compare not in {"=", "!="}:
            raise BadOption(f"{name} is a text: it is compared by = or !=, not {compare}")
        return Condition(name, compare, value)
    if not re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
        raise BadOption(f"{name} is compared with a whole number, not {value!r}")
    return Condition(name, compare, int(value))


def keep_matching(events: pl.LazyFrame, lines: pl.LazyFrame | None, text: str) -> pl.LazyFrame:
    """The events that satisfy every condition of a filter.

    Args:
        events: columns of `facts.EVENTS`.
        lines: order lines with ``seq`` and ``category``; None where there are none.
        text: the filter.
    """
    for condition in parse(text):
        events = _keep(events, lines, condition)
    return events


def _keep(events: pl.LazyFrame, lines: pl.LazyFrame | None, condition: Condition) -> pl.LazyFrame:
    if condition.name != "category" or lines is None:
        return events.filter(condition.holds())
    matching = lines.filter(condition.holds()).select("seq", pl.lit(value=True).alias("in lines")).unique()
    joined = events.join(matching, on="seq", how="left")
    return joined.filter(condition.holds() | pl.col("in lines").fill_null(value=False)).drop("in lines")
