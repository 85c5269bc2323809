"""Filters on properties that the lake keeps without a column of their own, as expressions over its events."""

import operator
from collections.abc import Callable
from typing import Any

import polars as pl

from segments.event_properties import PLACES, entry
from segments.rules.behaviour import Match

_KEPT = "properties"
_SCALE: int = 10**PLACES
NUMBER = r"^-?[0-9]{1,13}(\.[0-9]+)?$"
"""Texts that are numbers."""

_DENIED = {"not_in": "in", "not_contains": "contains"}
_SIZED: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "between": lambda numbers, ends: numbers.is_between(ends[0], ends[1]),
}


def holds_own(match: Match, name: str) -> pl.Expr:
    """Whether one of a property's values is one that is asked for; or, denied, there are some, and none of them is.

    Args:
        match: the filter.
        name: of the property as the lake keeps it.
    """
    is_there = _some(pl.element().str.starts_with(entry(name, "")))
    match match.op:
        case "is_set":
            return is_there
        case "is_not_set":
            return ~is_there
        case "has_all":
            return pl.all_horizontal([_some(pl.element() == entry(name, text)) for text in _texts(match)])
        case op if op in _DENIED:
            return is_there & ~_some(_asked(_DENIED[op], match, name))
        case op:
            return _some(_asked(op, match, name))


def own_numbers(name: str) -> pl.Expr:
    """The numbers of such a property: a list of whole ten-thousandths."""
    return pl.col(_KEPT).list.eval(_number(_values(name)).drop_nulls())


def _asked(op: str, match: Match, name: str) -> pl.Expr:
    """Of each kept value whether it is one that is asked for."""
    match op:
        case "in":
            return pl.element().is_in([entry(name, text) for text in _texts(match)])
        case "is_true" | "is_false":
            return pl.element() == entry(name, "true" if op == "is_true" else "false")
        case "contains":
            return _values(name).str.contains(_texts(match)[0], literal=True)
        case "starts_with":
            return pl.element().str.starts_with(entry(name, _texts(match)[0]))
        case _:
            sized: pl.Expr = _SIZED[op](_number(_values(name)), match.value)
            return sized


def _texts(match: Match) -> list[str]:
    return [one for one in match.value if isinstance(one, str)] if isinstance(match.value, tuple) else []


def _some(element: pl.Expr) -> pl.Expr:
    return pl.col(_KEPT).list.eval(element.fill_null(value=False)).list.any().fill_null(value=False)


def _values(name: str) -> pl.Expr:
    """Of each kept text the value, null where it is another property's."""
    begins = entry(name, "")
    return pl.when(pl.element().str.starts_with(begins)).then(pl.element().str.strip_prefix(begins))


def _number(values: pl.Expr) -> pl.Expr:
    numbers = pl.when(values.str.contains(NUMBER)).then(values).cast(pl.Float64, strict=False)
    return (numbers * _SCALE).round().cast(pl.Int64)
