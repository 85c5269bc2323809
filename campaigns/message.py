"""What a phone is to show, as a value: one message for one device."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

LONGEST_LIFE = timedelta(days=28)
"""FCM keeps a message at most this long."""
PAYLOAD_LIMIT = 4096
"""FCM's limit for notification and data together, in bytes."""


class AddressKind(StrEnum):
    """What an address is: a registration token, or a Firebase installation id (its successor)."""

    TOKEN = "token"  # noqa: S105 - the word, not a secret
    FID = "fid"


@dataclass(frozen=True, slots=True)
class Press:
    """One button as a phone shows it.

    Attributes:
        link: where it leads; None leads where the message leads.
    """

    id: str
    label: str
    link: str | None = None


class PushMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One push for one device.

    Attributes:
        delivery_id: our number of it; a sender gives its outcomes in the order of the messages.
        address: token or installation id.
        title: plain text, already filled in.
        body: plain text, already filled in.
        link: where a tap leads, https or an app's own scheme; None opens the app.
        image: https address of a picture; iOS shows it where the app has a notification service extension.
        buttons: browsers show them; an Android app finds them in its data; iOS shows those of ``category``.
        sound: ``default``, the name of a sound file in the app, or None for silence.
        badge: the number on the app's icon; None leaves it as it is.
        channel: Android's notification channel; None for the app's default one.
        category: iOS: the category whose buttons are shown.
        data: strings for the app itself; ``campaign_id``, ``delivery_id`` and ``message_id`` are always among them.
        ttl_seconds: how long FCM may keep trying; 0 is now or never.
        tag: names the notification on the device. A repeat with the same tag replaces what is shown
            instead of standing beside it (Android's tag, Apple's collapse id, at most 64 bytes).
        label: FCM's analytics label, one a campaign; None for none.
    """

    delivery_id: int
    address: str
    address_kind: AddressKind
    title: str
    body: str
    link: str | None = None
    image: str | None = None
    buttons: tuple[Press, ...] = ()
    sound: str | None = "default"
    badge: int | None = None
    channel: str | None = None
    category: str | None = None
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    ttl_seconds: int = 86_400
    tag: str
    label: str | None = None


def campaign_tag(campaign_id: int, *, occurrence: int = 1, step: int = 0) -> str:
    """The tag of one message of a campaign: a repeat to the same device replaces its first try, and nothing else."""
    return f"joren-campaign-{campaign_id}-{occurrence}-{step}"


def data_of(message: PushMessage) -> dict[str, str]:
    """Everything that an app finds in the message's data."""
    data = {**message.data, "delivery_id": str(message.delivery_id)}
    if message.link is not None:
        data["link"] = message.link
    if message.buttons:
        shown = [{"id": one.id, "label": one.label, "link": one.link or message.link} for one in message.buttons]
        data["buttons"] = msgspec.json.encode(shown).decode()
    return data


def is_too_large(message: PushMessage) -> bool:
    """Whether a message outgrows `PAYLOAD_LIMIT`."""
    if message.buttons:
        return payload_bytes(message) > PAYLOAD_LIMIT
    told = (message.title, message.body, message.image or "", message.link or "", *message.data, *message.data.values())
    at_most = _BYTES_OF_NAMES + _BYTES_OF_A_CHARACTER * sum(map(len, told))
    return at_most > PAYLOAD_LIMIT and payload_bytes(message) > PAYLOAD_LIMIT


_BYTES_OF_A_CHARACTER = 4
_BYTES_OF_NAMES = 100
"""More than the names of what is shown take, with the number of the delivery: ``title``, ``body``, ``image``, ``link`` and ``delivery_id``."""


def payload_bytes(message: PushMessage) -> int:
    """Bytes that count for `PAYLOAD_LIMIT`: names and values of what is shown and of the data."""
    data = data_of(message)
    shown = (("title", message.title), ("body", message.body), ("image", message.image))
    parts = [part for name, value in shown if value for part in (name, value)]
    return len("".join([*parts, *data, *data.values()]).encode())
