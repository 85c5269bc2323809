"""Conditions on attributes asked of one row: the verdict, and the value in words."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from segments.rules import words
from segments.rules.computed import value_of
from segments.rules.describe_attribute import value_in_words
from segments.rules.operators import OPPOSITES, Kind, is_trait, kind_asked
from segments.rules.rule import Attribute
from segments.rules.telling import Telling


def attribute_holds(condition: Attribute, row: Mapping[str, Any]) -> bool:
    """Whether the condition is true of the row."""
    if condition.op in OPPOSITES:
        return not attribute_holds(Attribute(condition.name, OPPOSITES[condition.op], condition.value), row)
    found = value_of(condition.name, row)
    if is_trait(condition.name) and condition.op != "is_set":
        found = _read_as(kind_asked(condition.name, condition.op), found)
    return found is not None and _COMPARISONS[condition.op](found, condition.value, row["as_of"])


def value_found(condition: Attribute, row: Mapping[str, Any], telling: Telling) -> str:
    """The row's own value in words."""
    found = value_of(condition.name, row)
    match found:
        case None:
            return "記録なし" if telling.japanese else "not known"
        case bool():
            return words.yes_or_no(found, telling.language)
        case int():
            return words.amount(condition.name, found, telling.language, telling.currency)
        case date():
            return words.day(found, telling.language)
        case list() | tuple():
            none = "なし" if telling.japanese else "none"
            return ("" if telling.japanese else ", ").join(telling.quoted(str(one)) for one in found) or none
        case _:
            return value_in_words(condition.name, str(found), telling)


def cut(as_of: date, days: int) -> date:
    """The last day that is too old to lie in the last ``days`` days."""
    return as_of - timedelta(days=days)


_COMPARISONS: dict[str, Callable[[Any, Any, date], bool]] = {
    "=": lambda found, value, _: found == value,
    "<": lambda found, value, _: found < value,
    "<=": lambda found, value, _: found <= value,
    ">": lambda found, value, _: found > value,
    ">=": lambda found, value, _: found >= value,
    "between": lambda found, value, _: value[0] <= found <= value[1],
    "is": lambda found, value, _: found == value,
    "in": lambda found, value, _: found in value,
    "contains": lambda found, value, _: value in found,
    "starts_with": lambda found, value, _: found.startswith(value),
    "has_any": lambda found, value, _: not {*value}.isdisjoint(found),
    "has_all": lambda found, value, _: {*value} <= {*found},
    "is_true": lambda found, _value, _day: found,
    "is_set": lambda _found, _value, _day: True,
    "within_days": lambda found, value, as_of: cut(as_of, value) < found <= as_of,
    "before_days": lambda found, value, as_of: found <= cut(as_of, value),
    "next_days": lambda found, value, as_of: as_of <= found < cut(as_of, -value),
    "on_or_after": lambda found, value, _: found >= value,
    "on_or_before": lambda found, value, _: found <= value,
}
"""The positive operators, of a value that is there."""


def _read_as(kind: Kind, found: Any) -> Any:
    """A trait as the kind that it is asked as; None where it is none, as the expression is null."""
    if found is None or isinstance(found, list | tuple) != (kind is Kind.LIST):
        return None
    return found if kind is Kind.LIST else _READ_AS[kind](_written(found))


def _written(found: Any) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_READ_AS: dict[Kind, Callable[[str], Any]] = {
    Kind.NUMBER: _number,
    Kind.TEXT: str,
    Kind.BOOLEAN: lambda text: text.lower() == "true",
    Kind.DATE: _day,
}
