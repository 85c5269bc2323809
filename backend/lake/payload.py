"""The parts of a stored event that facts are made of, read leniently: what does not fit is absent, nothing ever stalls.

Intake has checked the properties of known events already; this also reads what older releases or other writers
stored. Only the parts named here are decoded.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from babel.numbers import get_currency_precision

_LARGEST = 2**62
_LONGEST = 255


class Device(msgspec.Struct, gc=False):
    """``context.device``."""

    id: Any = None
    token: Any = None
    fid: Any = None
    type: Any = None
    permission: Any = None
    push_permission: Any = None


class Named(msgspec.Struct, gc=False):
    """``context.os`` and ``context.app``."""

    name: Any = None
    version: Any = None


class Context(msgspec.Struct, gc=False):
    """``context``."""

    device: Device | None = None
    os: Named | None = None
    app: Named | None = None
    locale: Any = None
    timezone: Any = None
    traits: msgspec.Raw = msgspec.Raw(b"null")


class Payload(msgspec.Struct, gc=False, rename={"previous_id": "previousId"}):
    """One stored event. Its context is for `read_context`: many events have the same one."""

    properties: dict[str, Any] | None = None
    context: msgspec.Raw = msgspec.Raw(b"null")
    traits: msgspec.Raw = msgspec.Raw(b"null")
    previous_id: Any = None


_DECODER = msgspec.json.Decoder(Payload)
_CONTEXT = msgspec.json.Decoder(Context | None)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def read_payload(text: str) -> Payload:
    """A stored event; an empty one where it is not what it should be."""
    try:
        return _DECODER.decode(text)
    except msgspec.MsgspecError:
        return Payload()


def read_context(raw: msgspec.Raw | bytes) -> Context | None:
    """The context of an event.

    Raises:
        msgspec.MsgspecError: it is not what it should be.
    """
    context: Context | None = _CONTEXT.decode(raw)
    return context


def properties_of(payload: Payload) -> Mapping[str, Any]:
    """The properties, empty where there are none."""
    return payload.properties or _NOTHING


def read_traits(payload: Payload, context: Context | None) -> dict[str, Any]:
    """Traits of an identify call: its own, before those some libraries put into the context."""
    shared = context.traits if context is not None else msgspec.Raw(b"null")
    return _object(shared) | _object(payload.traits)


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        return _OBJECT.decode(raw)
    except msgspec.MsgspecError:
        return {}


def text(value: Any) -> str | None:
    """A text of at most 255 characters; whole numbers count as texts."""
    if value is None:
        return None
    if isinstance(value, str):
        return (value if len(value) <= _LONGEST else value[:_LONGEST]) or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:_LONGEST]
    return None


def whole(value: Any, *, largest: int = _LARGEST) -> int | None:
    """A whole number, also one written as text: push data holds texts only."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():  # noqa: PLR2004 - digits of 64 bit
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) <= largest else None


def minor(value: Any, currency: str) -> int | None:
    """An amount in minor units: 12.50 GBP is 1250, 1280 JPY is 1280. Halves are rounded away from zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) < _LARGEST // 10**6:  # most prices, and no Decimal is needed for them
        return int(value * 10 ** _digits(currency))
    amount = Decimal(str(value)).scaleb(_digits(currency))
    if not amount.is_finite() or abs(amount) > _LARGEST:
        return None
    return int(amount.to_integral_value(ROUND_HALF_UP))


@lru_cache(maxsize=256)
def _digits(currency: str) -> int:
    return int(get_currency_precision(currency))


def platform_of(context: Context | None) -> str | None:
    """ios, android or web; None where the event does not say."""
    if context is None:
        return None
    said = [
        context.device.type if context.device is not None else None,
        context.os.name if context.os is not None else None,
    ]
    for word in said:
        found = _PLATFORMS.get(word.lower()) if isinstance(word, str) else None
        if found is not None:
            return found
    return None


_PLATFORMS = {
    "ios": "ios",
    "ipados": "ios",
    "iphone os": "ios",
    "android": "android",
    "web": "web",
    "browser": "web",
}
