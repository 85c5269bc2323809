"""The quick way to read an event: one that is as an SDK writes it, with nothing to mend, to merge or to complain about.

A typed decoder checks in one pass what `segments.intake` checks piece by piece. Whatever it does not expect (another
type, an unknown member, an id that is a number, an escape that may hide a half character) gives None, and the event
is read the long way: this module decides nothing, it only agrees. Unknown members are not skipped, because what is
skipped is not checked.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from segments.context import LONGEST_ADDRESS
from segments.envelope import Event, event_id_of
from segments.failures import EventFailure
from segments.occurrence import occurred_at, parse_time
from segments.properties import LONGEST_ID, check_properties
from segments.shape import DEEPEST, LARGEST_EVENT

LONGEST_MESSAGE_ID = 100
LONGEST_EVENT_NAME = 200

_Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)] | None
_Part = dict[str, Any] | None


class _Device(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _Id = None
    token: Annotated[str, msgspec.Meta(max_length=LONGEST_ADDRESS)] | None = None
    type: Any = None
    manufacturer: Any = None
    model: Any = None
    name: Any = None
    version: Any = None
    advertisingId: Any = None  # noqa: N815 - the names of the protocol
    adTrackingEnabled: Any = None  # noqa: N815
    trackingStatus: Any = None  # noqa: N815


class _Context(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    device: _Device | None = None
    os: _Part = None
    app: _Part = None
    library: _Part = None
    traits: _Part = None
    network: _Part = None
    address: _Part = None
    screen: Any = None
    campaign: Any = None
    page: Any = None
    referrer: Any = None
    locale: Any = None
    timezone: Any = None
    ip: Any = None
    userAgent: Any = None  # noqa: N815 - the names of the protocol
    channel: Any = None
    instanceId: Any = None  # noqa: N815
    sessionId: Any = None  # noqa: N815


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messageId: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_MESSAGE_ID)]  # noqa: N815 - the names of the protocol
    type: Literal["track", "identify", "screen", "page"] | None = None
    event: Annotated[str, msgspec.Meta(max_length=LONGEST_EVENT_NAME)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=LONGEST_EVENT_NAME)] | None = None
    userId: _Id = None  # noqa: N815
    anonymousId: _Id = None  # noqa: N815
    timestamp: str | None = None
    originalTimestamp: str | None = None  # noqa: N815
    sentAt: str | None = None  # noqa: N815
    properties: _Part = None
    traits: _Part = None
    context: _Context | None = None
    integrations: Any = None
    channel: Any = None
    category: Any = None
    metadata: Any = msgspec.field(default=None, name="_metadata")


_DECODER = msgspec.json.Decoder(_Plain)
_NOT_PLAIN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, EventFailure)


def read_plain(
    raw: bytes,
    *,
    source_id: int,
    trusted: bool,
    call: str | None,
    received_at: datetime,
    sent_at: datetime | None,
    device_skew: timedelta | None,
) -> Event | None:
    """The event that the long way gives too, or None where that must decide. The arguments are a `Reception`'s."""
    if len(raw) > LARGEST_EVENT or b"\\u" in raw or raw.count(b"{") + raw.count(b"[") > DEEPEST:
        return None
    try:
        event = _DECODER.decode(raw)
        kind = call or event.type
        if kind is None or not _is_plain(kind, event):
            return None
        original = _time(event.originalTimestamp) or _time(event.timestamp)
        sent_at = _time(event.sentAt) or sent_at
        moment, rule = occurred_at(
            original, sent_at=sent_at, received_at=received_at, library=_library_of(event), device_skew=device_skew
        )
    except _NOT_PLAIN:
        return None
    return Event(
        event_id=event_id_of(source_id, event.messageId),
        source_id=source_id,
        trusted=trusted,
        message_id=event.messageId,
        type=kind,
        event=event.event if kind == "track" else event.name if kind in _NAMED else None,
        user_id=event.userId,
        anonymous_id=event.anonymousId,
        occurred_at=moment,
        original_at=original,
        sent_at=sent_at,
        time_rule=rule,
        payload=msgspec.Raw(raw),
    )


_NAMED = ("screen", "page")


def _is_plain(kind: str, event: _Plain) -> bool:
    """Whether nothing has to be mended and nothing is missing; what is wrong may also be raised.

    Raises:
        EventFailure: a property does not fit.
    """
    user, anonymous = event.userId, event.anonymousId
    if not (user or anonymous) or not _filled(user) or not _filled(anonymous):
        return False
    if event.context and event.context.device and not _filled(event.context.device.id):
        return False
    if kind == "track":
        return bool(event.event) and not check_properties(event.event or "", event.properties or {})
    return kind in _NAMED or kind == "identify"


def _filled(text: str | None) -> bool:
    return text is None or bool(text.strip())


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _library_of(event: _Plain) -> str | None:
    name = event.context.library.get("name") if event.context and event.context.library else None
    return name if isinstance(name, str) else None
