"""What a phone is to show, as a value: one message for one device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

LONGEST_LIFE = timedelta(days=28)
"""FCM keeps a message at most this long."""


class AddressKind(StrEnum):
    """What an address is: a registration token, or a Firebase installation id (its successor)."""

    TOKEN = "token"  # noqa: S105 - the word, not a secret
    FID = "fid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushMessage:
    """One push for one device.

    Attributes:
        delivery_id: our number of it; a sender gives its outcomes in the order of the messages.
        address: token or installation id.
        title: plain text, already filled in.
        body: plain text, already filled in.
        link: where a tap leads, https or an app's own scheme; None opens the app.
        data: strings for the app itself; ``campaign_id`` and ``delivery_id`` are always among them.
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
    data: Mapping[str, str] = field(default_factory=dict)
    ttl_seconds: int = 86_400
    tag: str
    label: str | None = None


def campaign_tag(campaign_id: int) -> str:
    """The tag of a campaign's notifications: a repeat to the same device replaces its first try."""
    return f"joren-campaign-{campaign_id}"
