"""Checks the properties of known events against the vocabulary. Unknown events and properties pass as they are.

What is certain is mended (a number where text is meant becomes text, 5.0 becomes 5), the rest fails with a reason.
After this, readers of the log may rely on the types that `segments.events` declares.
"""

import re
from collections.abc import Callable
from typing import Any

from segments.events import BY_NAME, EventType, Kind, Property
from segments.failures import EventFailure
from segments.occurrence import parse_time

LONGEST_ID = 255
"""Characters of an id: they become keys of indexes."""

_LARGEST_COUNT = 2**31 - 1
_LARGEST_ID = 2**53 - 1
_LARGEST_AMOUNT = 10**13
_DIGITS = re.compile(r"[0-9]{1,16}")

_LINE = (
    Property("product_id", Kind.TEXT, "商品", "Product"),
    Property("name", Kind.TEXT, "商品名", "Name"),
    Property("category", Kind.TEXT, "カテゴリー", "Category"),
    Property("quantity", Kind.INTEGER, "数量", "Quantity"),
    Property("price", Kind.MONEY, "単価", "Price"),
)


def check_properties(name: str, properties: dict[str, Any]) -> bool:
    """Check the properties of the event ``name``; mends them in place and says whether it did.

    Raises:
        EventFailure: ``missing_property`` or ``bad_property``.
    """
    known: EventType | None = BY_NAME.get(name)
    return known is not None and _check(known.properties, properties)


def _check(declared: tuple[Property, ...], values: dict[str, Any]) -> bool:
    mended = False
    for item in declared:
        value = values.get(item.name)
        if value is None:
            if item.required:
                raise EventFailure("missing_property", f"The property {item.name} is missing.")
            continue
        right = _CHECKS[item.kind](item, value)
        if right is not value:
            values[item.name] = right
            mended = True
    return mended


def _wrong(item: Property, meant: str) -> EventFailure:
    return EventFailure("bad_property", f"The property {item.name} must be {meant}.")


def _text(item: Property, value: Any) -> Any:
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
    mended = [_check(_LINE, line) for line in value]
    return list(value) if any(mended) else value


_CHECKS: dict[Kind, Callable[[Property, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.MONEY: _money,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
    Kind.LINES: _lines,
    Kind.MAPPING: _mapping,
}
