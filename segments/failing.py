"""Makes failed events: what cannot be stored, with its reason and all that it takes to read it again. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from segments.context import blot_secrets
from segments.envelope import Event, FailedEvent, event_id_of
from segments.failures import EventFailure
from segments.kept import Kept, write_kept
from segments.message_ids import given_id
from segments.plain_event import LONGEST_EVENT_NAME
from segments.reception import Reception

TYPES = frozenset({"track", "identify", "screen", "page", "group", "alias"})
"""Types of calls."""


def fail_event(
    raw: bytes, reception: Reception, failure: EventFailure, *, event: dict[str, Any] | None = None
) -> FailedEvent:
    """A failed event. Its id is its message id's where it has a fitting one, else its bytes': a retry is kept once."""
    raw = blot_secrets(raw) if event is None else raw
    given = _fitting_id(event or {})
    key = f"failed\x1f{given or hashlib.blake2b(raw, digest_size=16).hexdigest()}"
    return FailedEvent(
        event_id=event_id_of(reception.source_id, key),
        source_id=reception.source_id,
        name=_name_of(event or {}, reception),
        code=failure.code,
        reason=failure.reason,
        raw=raw,
        violations=failure.violations,
        envelope=_kept_of(reception, failure),
        becomes=event_id_of(reception.source_id, given) if given else None,
    )


def refuse_event(event: Event, *, received_at: datetime, error: object) -> FailedEvent:
    """An event that could be read and that the database refuses, with all that its request said of it.

    The context of its batch is in its payload by now; its type is kept in case that only the path named it.
    """
    reception = Reception(
        source_id=event.source_id,
        trusted=event.trusted,
        received_at=received_at,
        sent_at=event.sent_at,
        call=event.type,
        device_skew=_device_skew_of(event),
    )
    failure = EventFailure("not_storable", f"The database refused the event: {error}.", verdict=event.token_verdict)
    known = {"messageId": event.message_id, "type": event.type, "event": event.event}
    return fail_event(bytes(event.payload), reception, failure, event=known)


def _device_skew_of(event: Event) -> timedelta | None:
    if event.time_rule != "device_skew" or event.original_at is None:
        return None
    return event.occurred_at - event.original_at


def _fitting_id(event: dict[str, Any]) -> str | None:
    try:
        return given_id(event)
    except EventFailure:
        return None


def _kept_of(reception: Reception, failure: EventFailure) -> bytes | None:
    kept = Kept(
        call=reception.call,
        sent_at=reception.sent_at,
        context=reception.context,
        integrations=reception.integrations,
        device_skew=reception.device_skew,
        verdict=failure.verdict,
    )
    return write_kept(kept)


def _name_of(event: dict[str, Any], reception: Reception) -> str:
    """What counts call a failed event; only what is known, so that rubbish does not fill the list of names."""
    kind = event.get("type", reception.call)
    name = event.get("event")
    if kind == "track" and isinstance(name, str) and "\x00" not in name:
        return name[:LONGEST_EVENT_NAME]
    return kind if isinstance(kind, str) and kind in TYPES else ""
