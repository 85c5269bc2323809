"""Our message as firebase-admin's, checked one by one so that a bad one does not sink a call."""

import time
from functools import lru_cache
from typing import Any

import msgspec
from firebase_admin import messaging
from firebase_admin._messaging_encoder import MessageEncoder

from backend.errors import BadInput
from campaigns.message import LONGEST_LIFE, PAYLOAD_LIMIT, AddressKind, Press, PushMessage, data_of, payload_bytes

_ENCODER = MessageEncoder()


def encoded(message: PushMessage) -> messaging.Message:
    """The message as firebase-admin sends it.

    Raises:
        BadInput: when firebase-admin or FCM would refuse it.
    """
    made = built(message)
    try:
        str(made)
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None
    _check_size(message)
    return made


def encoded_json(message: PushMessage) -> bytes:
    """The request that firebase-admin would send for the message, as JSON.

    Most of it is the same for everybody whom a campaign sends to, so firebase-admin's encoder makes it once a second and
    shape; what is the person's own is put into its places here.

    Raises:
        BadInput: when firebase-admin or FCM would refuse it.
    """
    life = _life(message)
    same = {name: getattr(message, name) for name in _SHAPE}
    try:
        _check_size(message)
        around = _around(_Shape(**same, ttl_seconds=life, ends=_ends(life)))
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None
    if not message.address:
        raise BadInput("A message needs an address.")
    said = {"title": message.title, "body": message.body}
    document = {
        **around,
        str(message.address_kind): message.address,
        "data": data_of(message),
        "notification": {**around["notification"], **said},
    }
    if "webpush" in around:
        document["webpush"] = {"notification": {**around["webpush"]["notification"], **said}}
    return msgspec.json.encode({"message": document})


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What messages to many people have in common; ``ends``: see `_ends`."""

    address_kind: AddressKind
    image: str | None
    buttons: tuple[Press, ...]
    sound: str | None
    badge: int | None
    channel: str | None
    category: str | None
    tag: str
    label: str | None
    ttl_seconds: int
    ends: int


_SHAPE = ("address_kind", "image", "buttons", "sound", "badge", "channel", "category", "tag", "label")
"""Fields of a message that go into its shape as they are."""


@lru_cache(maxsize=256)
def _around(shape: _Shape) -> dict[str, Any]:
    """What firebase-admin's encoder writes for a message but for its address, title, body and data.

    Raises:
        ValueError: it would refuse the message.
    """
    same: dict[str, Any] = {name: getattr(shape, name) for name in _SHAPE}
    message = PushMessage(delivery_id=0, address="-", title="-", body="-", ttl_seconds=shape.ttl_seconds, **same)
    document: dict[str, Any] = _ENCODER.default(_built(message, ends=shape.ends))
    return document


def _check_size(message: PushMessage) -> None:
    if payload_bytes(message) > PAYLOAD_LIMIT:
        raise BadInput(f"The payload is larger than {PAYLOAD_LIMIT} bytes.")


def built(message: PushMessage) -> messaging.Message:
    """The message as firebase-admin's, not yet checked."""
    return _built(message, ends=_ends(_life(message)))


def _built(message: PushMessage, *, ends: int) -> messaging.Message:
    made = messaging.Message(
        notification=messaging.Notification(title=message.title, body=message.body, image=message.image),
        data=data_of(message),
        android=_android(message),
        apns=_apns(message, ends),
        webpush=_webpush(message) if message.buttons else None,
        fcm_options=messaging.FCMOptions(analytics_label=message.label),
    )
    # Set on the message instead of given to it: firebase-admin warns of a deprecation when it is given a token,
    # and apps that have not moved to installation ids yet have nothing else.
    if message.address_kind is AddressKind.FID:
        made.fid = message.address
    else:
        made.token = message.address
    return made


def _android(message: PushMessage) -> messaging.AndroidConfig:
    """High priority: the message is shown, and now is when it was planned for."""
    shown = messaging.AndroidNotification(
        tag=message.tag, sound=message.sound, channel_id=message.channel, notification_count=message.badge
    )
    return messaging.AndroidConfig(ttl=_life(message), priority="high", notification=shown)


def _apns(message: PushMessage, ends: int) -> messaging.APNSConfig:
    headers = {
        "apns-priority": "10",
        "apns-expiration": str(ends),
        "apns-collapse-id": message.tag,
    }
    aps = messaging.Aps(
        sound=message.sound,
        badge=message.badge,
        category=message.category,
        mutable_content=True if message.image else None,  # lets the app's extension fetch the picture
    )
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps=aps))


def _webpush(message: PushMessage) -> messaging.WebpushConfig:
    """Buttons that a browser shows by itself; what stands beside them is taken from the message."""
    actions = [messaging.WebpushNotificationAction(one.id, one.label) for one in message.buttons]
    return messaging.WebpushConfig(
        notification=messaging.WebpushNotification(
            title=message.title, body=message.body, image=message.image, tag=message.tag, actions=actions
        )
    )


def _life(message: PushMessage) -> int:
    return min(max(message.ttl_seconds, 0), int(LONGEST_LIFE.total_seconds()))


def _ends(life: int) -> int:
    """Until when Apple keeps trying, in seconds since 1970; 0 for now or never."""
    return int(time.time()) + life if life else 0
