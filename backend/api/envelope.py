"""Reads the body of a call of the Segment protocol into its events, unread, and what it says about all of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from backend.errors import BadInput
from segments.failures import EventFailure
from segments.intake import read_sent_at
from segments.salvage import split_elements, split_members
from segments.shape import decode_event

LONGEST_BATCH = 2500
"""Events of one batch; what goes beyond is kept as one failed event."""

LARGEST_CONTEXT = 8 * 1024
"""Bytes of the context that a batch shares: it is written into each of its events."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One call.

    Attributes:
        events: the events as bytes.
        excess: what goes beyond `LONGEST_BATCH`.
        user_token: the customer token that the batch's context carried, which is no longer in it.
        fault: why none of the events can be stored as it is meant, where that is so.
    """

    events: list[bytes]
    excess: list[bytes]
    write_key: str | None = None
    sent_at: datetime | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    user_token: Any = None
    fault: EventFailure | None = None


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    write_key: Any = msgspec.field(default=None, name="writeKey")
    sent_at: Any = msgspec.field(default=None, name="sentAt")
    context: msgspec.Raw = msgspec.Raw(b"null")
    integrations: msgspec.Raw = msgspec.Raw(b"null")


class _Single(msgspec.Struct):
    write_key: Any = msgspec.field(default=None, name="writeKey")


_BATCH = msgspec.json.Decoder(_Batch)
_SINGLE = msgspec.json.Decoder(_Single)


def read_batch(body: bytes) -> Envelope:
    """The envelope of a batch.

    Raises:
        BadInput: no JSON object, or one without a list ``batch``.
    """
    body = body.removeprefix(_BOM)
    try:
        batch = _BATCH.decode(body)
        events = [bytes(event) for event in batch.batch]
    except _UNREADABLE:
        batch, events = _salvage(body)
    try:
        context, integrations = _shared(batch.context), _shared(batch.integrations)
        user_token, fault = (context or {}).pop("userToken", None), None
        (context or {}).pop("writeKey", None)  # it would be written into each event
    except EventFailure as failure:
        context = integrations = user_token = None
        fault = EventFailure("bad_context", f"The context of the batch cannot be used. {failure.reason}")
    return Envelope(
        events=events[:LONGEST_BATCH],
        excess=events[LONGEST_BATCH:],
        write_key=_text(batch.write_key),
        sent_at=read_sent_at(batch.sent_at),
        context=context,
        integrations=integrations,
        user_token=user_token,
        fault=fault,
    )


def read_single(body: bytes) -> Envelope:
    """The envelope of a single call: the body is the event.

    Raises:
        BadInput: no JSON object.
    """
    body = body.removeprefix(_BOM)
    try:
        write_key = _SINGLE.decode(body).write_key
    except _UNREADABLE:
        members = split_members(body)
        if members is None:
            raise _bad_json() from None
        write_key = _loose(members.get("writeKey"))
    return Envelope(events=[body], excess=[], write_key=_text(write_key))


def _salvage(body: bytes) -> tuple[_Batch, list[bytes]]:
    members = split_members(body)
    if members is None:
        raise _bad_json()
    events = split_elements(members.get("batch", b""))
    if events is None:
        raise BadInput("The body has no list named batch.", code="bad_batch", field="batch")
    batch = _Batch(
        batch=[],
        write_key=_loose(members.get("writeKey")),
        sent_at=_loose(members.get("sentAt")),
        context=msgspec.Raw(members.get("context", b"null")),
        integrations=msgspec.Raw(members.get("integrations", b"null")),
    )
    return batch, events


def _shared(part: msgspec.Raw) -> dict[str, Any] | None:
    raw = bytes(part)
    if raw == b"null":
        return None
    if len(raw) > LARGEST_CONTEXT:
        raise EventFailure("bad_context", f"It has {len(raw)} bytes; {LARGEST_CONTEXT} are allowed.")
    return decode_event(raw)


def _loose(raw: bytes | None) -> Any:
    try:
        return msgspec.json.decode(raw or b"null")
    except _UNREADABLE:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bad_json() -> BadInput:
    return BadInput("The body is not a JSON object that can be read.", code="bad_json")
