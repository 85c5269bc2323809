"""What arrives at ``messages:send``: the part of FCM's message that phones show, with FCM's own checks."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

PAYLOAD_LIMIT = 4096
"""Bytes of notification and data together, keys and values, as FCM counts them."""

_ADDRESS = re.compile(r"[A-Za-z0-9_:\-]{8,512}")
_TTL = re.compile(r"(\d{1,7})(\.\d{1,9})?s")
_LONGEST_TTL = 2_419_200
_RESERVED = re.compile(r"from|message_type|google\..*|gcm\..*")


class Refusal(Exception):
    """The message is malformed; FCM answers 400 with the field at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Notification(msgspec.Struct, gc=False, frozen=True):
    """What every platform shows."""

    title: str | None = None
    body: str | None = None
    image: str | None = None


class AndroidNotification(msgspec.Struct, gc=False, frozen=True):
    """What Android shows in its place; a repeat with the same tag replaces."""

    title: str | None = None
    body: str | None = None
    tag: str | None = None
    click_action: str | None = None
    sound: str | None = None
    notification_count: int | None = None


class Options(msgspec.Struct, gc=False, frozen=True):
    """Options of the sender."""

    analytics_label: str | None = None


class Android(msgspec.Struct, gc=False, frozen=True):
    """Options of the Android transport."""

    ttl: str | None = None
    priority: str | None = None
    notification: AndroidNotification = AndroidNotification()


class Apns(msgspec.Struct, gc=False, frozen=True):
    """Options of Apple's transport."""

    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    payload: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Message(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """One message; exactly one of the four targets is set."""

    name: str | None = None
    fid: str | None = None
    token: str | None = None
    topic: str | None = None
    condition: str | None = None
    notification: Notification = Notification()
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    android: Android = Android()
    apns: Apns = Apns()
    webpush: Mapping[str, Any] = msgspec.field(default_factory=dict)
    fcm_options: Options = Options()

    @property
    def address(self) -> str:
        """The device it is for."""
        return self.fid or self.token or ""

    @property
    def ttl_seconds(self) -> int:
        """How long it may wait for a phone that is away."""
        found = _TTL.fullmatch(self.android.ttl or "")
        return int(found[1]) if found else _LONGEST_TTL

    @property
    def tag(self) -> str | None:
        """The name under which a repeat replaces what is shown."""
        return self.android.notification.tag or self.apns.headers.get("apns-collapse-id")


class Envelope(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """The body of a request."""

    message: Message
    validate_only: bool = False


_DECODER = msgspec.json.Decoder(Envelope)


def parse(body: bytes) -> Envelope:
    """The request's message, checked.

    Raises:
        Refusal: when FCM would answer 400 INVALID_ARGUMENT.
    """
    try:
        envelope = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refusal("message", f"Invalid JSON payload received. {error}") from None
    _check(envelope.message)
    return envelope


def _check(message: Message) -> None:
    targets = [name for name in ("fid", "token", "topic", "condition") if getattr(message, name)]
    if len(targets) != 1:
        raise Refusal("message", "Exactly one of token, fid, topic or condition is required.")
    if targets[0] in {"topic", "condition"}:
        raise Refusal(f"message.{targets[0]}", "The emulator delivers to tokens and installation ids only.")
    if not _ADDRESS.fullmatch(message.address):
        raise Refusal(f"message.{targets[0]}", "The registration token is not a valid FCM registration token")
    _check_options(message)


def _check_options(message: Message) -> None:
    if reserved := [key for key in message.data if _RESERVED.fullmatch(key)]:
        raise Refusal(f"message.data[{reserved[0]}]", f"Invalid data payload key: {reserved[0]}")
    if message.android.ttl is not None and (
        not _TTL.fullmatch(message.android.ttl) or message.ttl_seconds > _LONGEST_TTL
    ):
        raise Refusal("message.android.ttl", "Invalid TTL: a duration of 0 to 2419200 seconds, such as 3600s.")
    if payload_bytes(message) > PAYLOAD_LIMIT:
        raise Refusal("message", f"Android message is too big: more than {PAYLOAD_LIMIT} bytes.")


def payload_bytes(message: Message) -> int:
    """Size of what counts against the limit: data and notification, names and values."""
    shown = {
        "title": message.notification.title,
        "body": message.notification.body,
        "image": message.notification.image,
    }
    parts = [*message.data.items(), *((name, value) for name, value in shown.items() if value)]
    return sum(len(name.encode()) + len(value.encode()) for name, value in parts)
