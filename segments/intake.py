"""Reads one event of the Segment protocol: raw JSON in, an event that can be stored or a failed event out. Pure.

What readers of the log may rely on afterwards: the payload is a JSON object without NUL characters, nested at most
`shape.DEEPEST` levels, holding no key and no customer token; ``context`` and its parts, ``properties`` and ``traits`` are
objects where present; ids are texts of at most 255 characters; properties of known events have their declared types.
The push address stays in ``context.device.token``.
"""

from datetime import datetime
from typing import Any

import msgspec

from segments.aliases import translate
from segments.context import check_context, customer_token, mend_ids, merge_shared, strip_secrets
from segments.envelope import Event, FailedEvent, event_id_of
from segments.failing import TYPES, fail_event
from segments.failures import EventFailure
from segments.message_ids import message_id_of
from segments.occurrence import occurred_at, parse_time
from segments.plain_event import LONGEST_EVENT_NAME, read_plain
from segments.properties import check_properties
from segments.reception import Reception
from segments.shape import LARGEST_EVENT, decode_event
from segments.tokens import REASONS, UNVERIFIED, TokenMode, Verdict, may_state

__all__ = ["Reception", "fail_event", "read_event", "read_sent_at"]


def read_event(raw: bytes, reception: Reception) -> Event | FailedEvent:
    """Read one event. Never raises: what cannot be stored comes back with the reason."""
    return (_read_plain(raw, reception) if reception.plain else None) or _read_any(raw, reception)


def _read_plain(raw: bytes, reception: Reception) -> Event | None:
    return read_plain(
        raw,
        source_id=reception.source_id,
        trusted=reception.trusted,
        call=reception.call,
        received_at=reception.received_at,
        sent_at=reception.sent_at,
        device_skew=reception.device_skew,
    )


def _read_any(raw: bytes, reception: Reception) -> Event | FailedEvent:
    """The long way, which every event can go."""
    try:
        event = decode_event(raw)
    except EventFailure as failure:
        return fail_event(raw, reception, failure)
    token = customer_token(event) if reception.tokens is not None else None
    if strip_secrets(event) or b"userToken" in raw:  # a member that stands twice is read once
        raw = msgspec.json.encode(event)
    try:
        return _planned(_proven(_read(event, raw, reception), token, reception), event, reception)
    except EventFailure as failure:
        failure.verdict = failure.verdict or _verdict_of_failed(event, token, reception)
        return fail_event(raw, reception, failure, event=event)


def _read(event: dict[str, Any], raw: bytes, reception: Reception) -> Event:
    kind = _type_of(event, reception)
    merged = merge_shared(event, context=reception.context, integrations=reception.integrations)
    changed = merged | mend_ids(event) | check_context(event)
    if reception.rules.ga4_names and kind == "track":
        changed |= _take_ga4_names(event, reception)
    name, mended = _check_call(kind, event)
    message_id = message_id_of(event, kind, source_id=reception.source_id)
    original, sent_at = _times_of(event, reception)
    moment, rule = _moment_of(event, original, sent_at, reception)
    return Event(
        event_id=event_id_of(reception.source_id, message_id),
        source_id=reception.source_id,
        trusted=reception.trusted,
        message_id=message_id,
        type=kind,
        event=name,
        user_id=event.get("userId"),
        anonymous_id=event.get("anonymousId"),
        occurred_at=moment,
        original_at=original,
        sent_at=sent_at,
        time_rule=rule,
        payload=_payload(event) if changed or mended else msgspec.Raw(raw),
    )


def _proven(event: Event, token: object, reception: Reception) -> Event:
    """The event with what its customer token proves.

    Raises:
        EventFailure: ``unverified_…`` where the source demands a good token and there is none.
    """
    if reception.tokens is None:
        return event
    verdict = reception.tokens.judge(
        token,
        user_id=event.user_id,
        name=event.name,
        occurred_at=event.occurred_at,
        received_at=reception.received_at,
    )
    if verdict is None:
        return event
    if verdict is Verdict.VALID:
        return msgspec.structs.replace(
            event, token_verdict=verdict.value, trusted=event.trusted or may_state(event.name)
        )
    if reception.tokens.mode is TokenMode.ENFORCE:
        raise EventFailure(UNVERIFIED + verdict.value, REASONS[verdict])
    return msgspec.structs.replace(event, token_verdict=verdict.value)


def _verdict_of_failed(event: dict[str, Any], token: object, reception: Reception) -> str | None:
    """What the token of an event proved that fails for another reason: when it is read again, its token is gone."""
    user_id = event.get("userId")
    if reception.tokens is None or not isinstance(user_id, str):
        return None
    try:
        moment = _moment_of(event, *_times_of(event, reception), reception)[0]
    except EventFailure:
        moment = reception.received_at
    return reception.tokens.judge(
        token, user_id=user_id, name="", occurred_at=moment, received_at=reception.received_at
    )


def _planned(read: Event, event: dict[str, Any], reception: Reception) -> Event:
    """The event with what it breaks of its source's tracking plan.

    Raises:
        EventFailure: ``plan_violation`` where the source keeps such events apart.
    """
    plan = reception.rules.plan
    if plan is None or read.type != "track" or read.event is None:
        return read
    found = plan.check(read.event, event.get("properties") or {})
    if not found:
        return read
    texts = tuple(map(str, found))
    if reception.rules.quarantine:
        reason = f"The event breaks the tracking plan: {', '.join(texts)}."
        raise EventFailure("plan_violation", reason, violations=texts, verdict=read.token_verdict)
    return msgspec.structs.replace(read, violations=texts)


def _take_ga4_names(event: dict[str, Any], reception: Reception) -> bool:
    """Put a GA4 event under our names; says whether it was one.

    An id that must be derived is derived first, from what came: a retry is recognised also across the day on which the
    source takes GA4's names.
    """
    name, properties = event.get("event"), event.get("properties")
    if not isinstance(name, str) or not isinstance(properties, dict | None):
        return False
    ours = translate(name, properties or {})
    if ours is None:
        return False
    event["messageId"] = message_id_of(event, "track", source_id=reception.source_id)
    event["event"], event["properties"] = ours
    return True


def _payload(event: dict[str, Any]) -> msgspec.Raw:
    payload = msgspec.json.encode(event)
    if len(payload) > LARGEST_EVENT:
        raise EventFailure("too_large", f"With the batch's context the event has {len(payload)} bytes.")
    return msgspec.Raw(payload)


def _type_of(event: dict[str, Any], reception: Reception) -> str:
    kind = reception.call or event.get("type")
    if kind is None:
        raise EventFailure("missing_type", "The event has no type (track, identify, screen, page, group or alias).")
    if not isinstance(kind, str) or kind not in TYPES:
        raise EventFailure("unknown_type", f"{str(kind)[:40]!r} is not a type of call.")
    return kind


def _check_call(kind: str, event: dict[str, Any]) -> tuple[str | None, bool]:
    """What each type of call demands; gives the event's name and whether its properties were mended."""
    if not (event.get("userId") or event.get("anonymousId")):
        raise EventFailure("missing_id", "The event has neither userId nor anonymousId.")
    if kind == "alias" and not event.get("previousId"):
        raise EventFailure("missing_id", "An alias names the previousId.")
    properties = _object(event, "properties")
    _object(event, "traits")
    if kind == "track":
        name = _event_name(event)
        return name, check_properties(name, properties)
    return _screen_name(kind, event), False


def _object(event: dict[str, Any], part: str) -> dict[str, Any]:
    value = event.get(part)
    if value is not None and not isinstance(value, dict):
        raise EventFailure("bad_properties", f"{part} must be an object.")
    return value or {}


def _event_name(event: dict[str, Any]) -> str:
    name = event.get("event")
    if name is None or name == "":
        raise EventFailure("missing_event", "A track call names its event.")
    if not isinstance(name, str) or len(name) > LONGEST_EVENT_NAME:
        raise EventFailure("bad_event", f"The event name must be a text of at most {LONGEST_EVENT_NAME} characters.")
    return name


def _screen_name(kind: str, event: dict[str, Any]) -> str | None:
    name = event.get("name")
    if kind not in ("screen", "page") or name is None:
        return None
    if not isinstance(name, str) or len(name) > LONGEST_EVENT_NAME:
        raise EventFailure(
            "bad_event", f"The name of a {kind} must be a text of at most {LONGEST_EVENT_NAME} characters."
        )
    return name


def _times_of(event: dict[str, Any], reception: Reception) -> tuple[datetime | None, datetime | None]:
    original = event.get("originalTimestamp") or event.get("timestamp") or None
    return (
        None if original is None else parse_time(original),
        read_sent_at(event.get("sentAt")) or reception.sent_at,
    )


def _moment_of(
    event: dict[str, Any], original: datetime | None, sent_at: datetime | None, reception: Reception
) -> tuple[datetime, str]:
    return occurred_at(
        original,
        sent_at=sent_at,
        received_at=reception.received_at,
        library=_library_of(event),
        device_skew=reception.device_skew,
    )


def read_sent_at(value: object) -> datetime | None:
    """A time of sending; one that cannot be read is as good as none."""
    try:
        return None if value is None else parse_time(value)
    except EventFailure:
        return None


def _library_of(event: dict[str, Any]) -> str | None:
    library = (event.get("context") or {}).get("library") or {}
    name = library.get("name")
    return name if isinstance(name, str) else None
