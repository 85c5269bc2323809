"""Ids of messages: the one that an event brings, or the one that is derived from it."""

import hashlib
from typing import Any

import msgspec

from segments.failures import EventFailure
from segments.plain_event import LONGEST_MESSAGE_ID


def given_id(event: dict[str, Any]) -> str | None:
    """The id that an event brings, a number as text; None where it brings none.

    Raises:
        EventFailure: ``bad_message_id``.
    """
    given = event.get("messageId")
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if given is None or given == "":
        return None
    if not isinstance(given, str) or len(given) > LONGEST_MESSAGE_ID:
        raise EventFailure("bad_message_id", f"messageId must be a text of at most {LONGEST_MESSAGE_ID} characters.")
    return given


def message_id_of(event: dict[str, Any], kind: str, *, source_id: int) -> str:
    """The id of an event of a type: given, or derived.

    Raises:
        EventFailure: ``bad_message_id``.
    """
    return given_id(event) or _derived_id(event, kind, source_id)


def _derived_id(event: dict[str, Any], kind: str, source_id: int) -> str:
    """The same for the same event, so that a blind retry is recognised; ``sentAt`` changes with each try."""
    content = {key: value for key, value in event.items() if key != "sentAt"}
    canonical = msgspec.json.encode([source_id, kind, content], order="sorted")
    return f"derived-{hashlib.blake2b(canonical, digest_size=16).hexdigest()}"
