"""Properties of events beside those that have columns of their own: which the lake keeps, and how rules read them.

An event keeps them as texts ``name=value``, one for a value, one for each element of a list; numbers, true and false as they are
written in JSON. Like traits they are read by each condition as what it asks for. The lake knows nobody by name: what says who somebody
is, how to reach him or where he is, what he typed himself, and what only one session has, is not kept.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

from segments.events import EventName
from segments.shop_traits import is_personal, looks_personal

MOST_KEPT = 30
"""Values of one event that are kept; the first ones."""

LONGEST_NAME = 60
LONGEST_VALUE = 100
"""Characters; a longer text is free text."""

PREFIX = "property:"
"""Before the name of such a property in a rule, as ``trait:`` before a trait's."""

PLACES = 4
"""Decimals to which numbers are compared: inside of rules they are whole ten-thousandths, so that sums are exact."""

_LARGEST = 10**12
_WORD = re.compile(r"[a-z0-9]+|[A-Z][a-z0-9]*|[A-Z]+(?![a-z])")

_IN_COLUMNS = frozenset({
    "order_id", "total", "currency", "products", "coupon_id", "store_id", "rank", "score", "rating", "points", "delivery_id",
    "campaign_id", "device_key", "valid_until",
})  # fmt: skip
_KNOWN = {str(name): _IN_COLUMNS for name in EventName}
_KNOWN[EventName.PRODUCT_VIEWED] = _IN_COLUMNS | {"category"}
_KNOWN[EventName.CONSENT_CHANGED] = _IN_COLUMNS | {"purpose", "channel", "granted", "source"}
for _name in EventName:
    if _name.startswith("Application "):  # of the device, which the frame tells; on nearly every event
        _KNOWN[_name] = _IN_COLUMNS | {"version", "build", "from_background"}
_NONE: frozenset[str] = frozenset()

_THINGS = frozenset({
    "article", "badge", "banner", "brand", "button", "campaign", "category", "collection", "content", "coupon", "course", "event",
    "feature", "game", "item", "list", "menu", "page", "plan", "prize", "product", "promotion", "quest", "recipe", "screen",
    "section", "shop", "stamp", "store", "tab", "video",
})  # fmt: skip
"""What may have a name without being a person."""

_PEOPLE = frozenset(
    {"user", "member", "customer", "person", "account", "guest", "anonymous", "device", "session", "request", "trace"}
)
_NUMBERS_OF = frozenset({"id", "no", "number", "key", "code", "uuid", "hash"})
_WORDS_REFUSED = frozenset({
    "token", "password", "passcode", "secret", "ip", "idfa", "idfv", "gaid", "latitude", "longitude", "lat", "lng", "lon",
    "birthday", "birthdate", "birth", "dob", "card", "iban", "userid", "memberid", "customerid", "deviceid", "sessionid", "url", "uri",
    "referrer", "referer",
})  # fmt: skip
_TYPED = frozenset({
    "text", "comment", "comments", "message", "body", "note", "notes", "memo", "remark", "remarks", "query", "search", "keyword",
    "keywords", "term",
})  # fmt: skip
"""Last words of names of what people type themselves."""
_CODES = frozenset({"id", "sku", "code", "jan", "upc", "ean", "gtin", "barcode", "isbn"})
"""Last words of names whose values are codes of things: long numbers, which may look like a phone number."""


def kept_properties(event: str, properties: Mapping[str, Any]) -> list[str] | None:
    """What the lake keeps of an event's properties as texts ``name=value``, in their order; None where that is nothing.

    Args:
        event: its name; what has a column of its own, or says nothing about what a known event was, is left out.
        properties: as they came; objects, and lists of objects, are left out.
    """
    told, of_product = _KNOWN.get(event, _NONE), event == EventName.PRODUCT_VIEWED
    kept: list[str | None] = []
    for name, value in properties.items():
        if name in told:
            continue
        if value.__class__ in _PLAIN:
            kept.append(_entry(name, value, of_product))
        elif value.__class__ is list:
            kept += [_entry(name, each, of_product) for each in value if each.__class__ in _PLAIN]
    return [each for each in kept if each is not None][:MOST_KEPT] or None


def is_own(name: str) -> bool:
    """Whether what a rule names is such a property."""
    return name.startswith(PREFIX)


def own_name(name: str) -> str:
    """The property's own name."""
    return name.removeprefix(PREFIX)


def entry(name: str, value: str) -> str:
    """A value as an event keeps it."""
    return f"{name}={value}"


def may_be_kept(name: str, *, of_product: bool = False) -> bool:
    """Whether values of a property are kept at all, by its name; ``of_product``: the event is about a product."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip() or "=" in name:
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return not is_personal(name)
    if words[-1] in _TYPED or not _WORDS_REFUSED.isdisjoint(words):
        return False
    if any(one in _PEOPLE and other in _NUMBERS_OF for one, other in pairwise(words)):
        return False
    if words[-1] == "name" and (words[-2] in _THINGS if len(words) > 1 else of_product):
        return True
    return not is_personal(name)


_PLAIN = frozenset({str, int, float, bool})


# 1 and True, 1.0 and 1 are the same key of a cache, but not the same text.
@lru_cache(maxsize=100_000, typed=True)
def _entry(name: str, value: object, of_product: bool) -> str | None:  # noqa: FBT001 - a key of the cache
    if not _may_be_kept(name, of_product):
        return None
    text = _text(value)
    if text is None or (isinstance(value, str) and looks_personal(text, is_code=_is_code(name))):
        return None
    return f"{name}={text}"


@lru_cache(maxsize=10_000)
def _may_be_kept(name: str, of_product: bool) -> bool:  # noqa: FBT001 - a key of the cache
    return may_be_kept(name, of_product=of_product)


def _is_code(name: str) -> bool:
    words = _WORD.findall(name)
    return bool(words) and words[-1].lower() in _CODES


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if 0 < len(value) <= LONGEST_VALUE and value.isprintable() and value.strip() else None
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
        value = int(value)
    if not isinstance(value, int | float) or not abs(value) <= _LARGEST:  # not a number is not less than anything
        return None
    written = str(value)
    return f"{value:.6f}" if "e" in written else written
