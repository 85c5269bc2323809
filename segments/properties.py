"""Checks the properties of known events against the vocabulary. Unknown events and properties pass as they are.

What is certain is mended (a number where text is meant becomes text, 5.0 becomes 5), the rest fails with a reason.
After this, readers of the log may rely on the types that `segments.events` declares.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from segments.events import BY_NAME, LINE_PROPERTIES, Kind, Property
from segments.failures import EventFailure
from segments.occurrence import parse_time

LONGEST_ID = 255
"""Characters of an id: they become keys of indexes."""

_LARGEST_COUNT = 2**31 - 1
_LARGEST_ID = 2**53 - 1
_LARGEST_AMOUNT = 10**13
_DIGITS = re.compile(r"[0-9]{1,16}")


def check_properties(name: str, properties: dict[str, Any]) -> bool:
    """Check the properties of the event ``name``; mends them in place and says whether it did.

    Raises:
        EventFailure: ``missing_property`` or ``bad_property``.
    """
    known = _KNOWN.get(name)
    return known is not None and _check(known, properties)


def _check(declared: "_Checks", values: dict[str, Any]) -> bool:
    mended = False
    for item, check in declared:
        value = values.get(item.name)
        if value is None:
            if item.required:
                where = (f"missing_required:properties.{item.name}",)
                raise EventFailure("missing_property", f"The property {item.name} is missing.", violations=where)
            continue
        right = check(item, value)
        if right is not value:
            values[item.name] = right
            mended = True
    return mended


def _wrong(item: Property, meant: str) -> EventFailure:
    where = (f"wrong_type:properties.{item.name}",)
    return EventFailure("bad_property", f"The property {item.name} must be {meant}.", violations=where)


def _text(item: Property, value: Any) -> Any:
    if value.__class__ is str and 0 < len(value) <= LONGEST_ID:
        return value  # nearly all of them
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(item, "a text")
    if item.name.endswith("_id") and not 0 < len(value) <= LONGEST_ID:
        raise _wrong(item, f"a text of 1 to {LONGEST_ID} characters")
    return value


def _integer(item: Property, value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    names = item.name.endswith("_id")
    if names and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)  # the data of a push are texts, and apps hand them on as they came
    largest = _LARGEST_ID if names else _LARGEST_COUNT
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > largest:
        raise _wrong(item, "a whole number")
    return value


def _money(item: Property, value: Any) -> Any:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > _LARGEST_AMOUNT:
        raise _wrong(item, "an amount such as 1280 or 12.50")
    return value


def _boolean(item: Property, value: Any) -> Any:
    if not isinstance(value, bool):
        raise _wrong(item, "true or false")
    return value


def _time(item: Property, value: Any) -> Any:
    try:
        parse_time(value)
    except EventFailure:
        raise _wrong(item, "a time like 2026-04-01T09:30:00Z") from None
    return value


def _mapping(item: Property, value: Any) -> Any:
    if not isinstance(value, dict):
        raise _wrong(item, "an object")
    return value


def _lines(item: Property, value: Any) -> Any:
    """A new list where a line was mended, so that the caller sees the change."""
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        raise _wrong(item, "a list of objects")
    mended = [_check_line(item, number, line) for number, line in enumerate(value)]
    return list(value) if any(mended) else value


def _check_line(item: Property, number: int, line: dict[str, Any]) -> bool:
    try:
        return _check(_LINE_CHECKS, line)
    except EventFailure as failure:
        place = f"properties.{item.name}[{number}]."
        where = tuple(text.replace("properties.", place, 1) for text in failure.violations or ())
        raise EventFailure(failure.code, failure.reason, violations=where) from None


_CHECKS: dict[Kind, Callable[[Property, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.MONEY: _money,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
    Kind.LINES: _lines,
    Kind.MAPPING: _mapping,
}

_Checks: TypeAlias = tuple[tuple[Property, Callable[[Property, Any], Any]], ...]


def _checks_of(declared: tuple[Property, ...]) -> _Checks:
    return tuple((item, _CHECKS[item.kind]) for item in declared)


_LINE_CHECKS = _checks_of(LINE_PROPERTIES)
_KNOWN: dict[str, _Checks] = {str(name): _checks_of(known.properties) for name, known in BY_NAME.items()}
"""Every known event with the check of each property, looked up once: this runs for every event that comes in."""
