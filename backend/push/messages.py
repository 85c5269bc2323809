"""Our message as firebase-admin's, checked one by one so that a bad one does not sink a call."""

import time
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from firebase_admin import messaging
from firebase_admin._messaging_encoder import MessageEncoder

from backend.errors import BadInput
from campaigns.message import LONGEST_LIFE, PAYLOAD_LIMIT, AddressKind, PushMessage, data_of, is_too_large

_ENCODER = MessageEncoder()
_LONGEST_LIFE = int(LONGEST_LIFE.total_seconds())
_JSON = msgspec.json.Encoder()


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
    if not message.address:
        raise BadInput("A message needs an address.")
    life = _life(message)
    try:
        _check_size(message)
        around = _around(_shape_of(message), life, _ends(life))
        said = {"title": message.title, "body": message.body}
        own = {
            str(message.address_kind): message.address,
            "data": data_of(message),
            "notification": said if around.image is None else {**said, "image": around.image},
        }
        if around.browser is not None:
            own["webpush"] = {"notification": {**around.browser, **said}}
        return b"%b,%b}" % (around.head, _JSON.encode(own)[1:])
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None


_SHAPE = ("address_kind", "image", "buttons", "sound", "badge", "channel", "category", "tag", "label")
"""Fields of a message that many have in common as they are."""
_shape_of = attrgetter(*_SHAPE)


@dataclass(frozen=True, slots=True)
class _Around:
    """What a message says beside its address, its data and its texts.

    Attributes:
        head: the request's beginning, up to where the person's own goes on.
        image: of the notification.
        browser: of a browser's notification, where there is one.
    """

    head: bytes
    image: str | None
    browser: dict[str, Any] | None


@lru_cache(maxsize=256)
def _around(shape: tuple[Any, ...], life: int, ends: int) -> _Around:
    """What firebase-admin's encoder writes for a message of this shape, with so many seconds to live (see `_ends`).

    Raises:
        ValueError: it would refuse the message.
    """
    same: dict[str, Any] = dict(zip(_SHAPE, shape, strict=True))
    message = PushMessage(delivery_id=0, address="-", title="-", body="-", ttl_seconds=life, **same)
    document: dict[str, Any] = _ENCODER.default(_built(message, ends=ends))
    for own in (str(message.address_kind), "data", "notification"):
        del document[own]
    browser = document.pop("webpush", {"notification": None})["notification"]
    return _Around(b'{"message":' + _JSON.encode(document)[:-1], message.image, browser)


def _check_size(message: PushMessage) -> None:
    if is_too_large(message):
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
    return min(max(message.ttl_seconds, 0), _LONGEST_LIFE)


def _ends(life: int) -> int:
    """Until when Apple keeps trying, in seconds since 1970; 0 for now or never."""
    return int(time.time()) + life if life else 0
