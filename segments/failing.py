"""Makes failed events: what cannot be stored, with its reason and all that it takes to read it again. Pure."""

import hashlib
from typing import Any

from segments.context import blot_secrets
from segments.envelope import FailedEvent, event_id_of
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
