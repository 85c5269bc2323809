"""Ids and context of an event: what is certain is mended in place, what no reader could use is refused."""

import re
from typing import Any

from segments.failures import EventFailure
from segments.properties import LONGEST_ID

LONGEST_ADDRESS = 2000
"""Characters of a push address; FCM's have some 160. It becomes the key of an index."""

_IDS = ("userId", "anonymousId", "previousId", "groupId")
_SECRETS = {
    b'"%s":"(removed)"' % name: re.compile(rb'"%s"\s*:\s*"[^"\\]*(?:\\.[^"\\]*)*"?' % name, re.DOTALL)
    for name in (b"userToken", b"writeKey")
}
_TOKEN_SHAPED = re.compile(rb"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*")
_PARTS = ("device", "os", "app", "library", "traits", "network", "address")


def customer_token(event: dict[str, Any]) -> Any:
    """The customer token an event carries, as it came."""
    context = event.get("context")
    return context.get("userToken") if isinstance(context, dict) else None


def strip_secrets(event: dict[str, Any]) -> bool:
    """Take out write key and customer token, also one that was put beside the context; says whether there was one."""
    places = [event]
    if isinstance(context := event.get("context"), dict):
        places.append(context)
    found = [place.pop(name, places) for place in places for name in ("writeKey", "userToken")]
    return any(each is not places for each in found)


def blot_secrets(raw: bytes) -> bytes:
    """Bytes that are kept although they could not be read, without keys and customer tokens as far as one can tell."""
    for removed, secret in _SECRETS.items():
        raw = secret.sub(removed, raw)
    return _TOKEN_SHAPED.sub(b"(removed)", raw)


def merge_shared(event: dict[str, Any], **shared_parts: dict[str, Any] | None) -> bool:
    """Merge what the envelope says for all its events into this one, whose own words go first."""
    merged = False
    for part, shared in shared_parts.items():
        own = event.get(part)
        if shared and (own is None or isinstance(own, dict)):
            event[part] = {**shared, **(own or {})}
            merged = True
    return merged


def mend_ids(event: dict[str, Any]) -> bool:
    """Ids that came as numbers become texts, empty ones are absent; says whether any did.

    Raises:
        EventFailure: ``bad_id``.
    """
    mended = False
    for name in _IDS:
        value = event.get(name)
        if value is None:
            continue
        right = _identifier(name, value)
        if right is not value:
            event[name] = right
            mended = True
    return mended


def _identifier(name: str, value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        raise EventFailure("bad_id", f"{name} must be a text of at most {LONGEST_ID} characters.")
    return value if value.strip() else None


def check_context(event: dict[str, Any]) -> bool:
    """Make sure that context and its parts are objects; says whether the device's id was mended.

    Raises:
        EventFailure: ``bad_context`` or ``bad_id``.
    """
    context = event.get("context")
    if context is None:
        return False
    if not isinstance(context, dict):
        raise EventFailure("bad_context", "context must be an object.")
    for part in _PARTS:
        if not isinstance(context.get(part, {}), dict | None):
            raise EventFailure("bad_context", f"context.{part} must be an object.")
    return _mend_device(context.get("device") or {})


def _mend_device(device: dict[str, Any]) -> bool:
    token = device.get("token")
    if token is not None and not (isinstance(token, str) and len(token) <= LONGEST_ADDRESS):
        raise EventFailure(
            "bad_context", f"context.device.token must be a text of at most {LONGEST_ADDRESS} characters."
        )
    identifier = device.get("id")
    if identifier is None:
        return False
    device["id"] = _identifier("context.device.id", identifier)
    return device["id"] is not identifier
