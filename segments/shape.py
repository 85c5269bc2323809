"""Reads the bytes of one event and makes sure that every later reader can read them too."""

from typing import Any

import msgspec

from segments.failures import EventFailure

LARGEST_EVENT = 32 * 1024
"""Bytes of one event, as sent and after the envelope's context was merged into it."""

DEEPEST = 64
"""Levels of objects and lists within each other."""


def decode_event(raw: bytes) -> dict[str, Any]:
    """The JSON object of one event.

    Raises:
        EventFailure: ``too_large``, ``too_deep``, ``unreadable``, ``not_an_object`` or ``bad_text``.
    """
    if len(raw) > LARGEST_EVENT:
        raise EventFailure("too_large", f"The event has {len(raw)} bytes; {LARGEST_EVENT} are allowed.")
    try:
        event = msgspec.json.decode(raw)
    except RecursionError:
        raise EventFailure("too_deep", f"The event is nested deeper than {DEEPEST} levels.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventFailure("unreadable", f"The event is not JSON that can be read: {error}.") from None
    if not isinstance(event, dict):
        raise EventFailure("not_an_object", "An event is a JSON object.")
    if raw.count(b"{") + raw.count(b"[") > DEEPEST or b"\\u0000" in raw:
        _check_tree(event)
    return event


def _check_tree(value: object) -> None:
    """Refuse NUL characters, which PostgreSQL cannot hold, and deep nesting, on which later readers could choke."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
                below.extend(item)
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and "\x00" in item:
                raise EventFailure("bad_text", "The event holds a NUL character (U+0000).")
        if not below:
            return
        level = below
    raise EventFailure("too_deep", f"The event is nested deeper than {DEEPEST} levels.")
