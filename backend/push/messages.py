"""Our message as firebase-admin's, checked one by one so that a bad one does not sink a call."""

import time

import msgspec
from firebase_admin import messaging
from firebase_admin._messaging_encoder import MessageEncoder

from backend.errors import BadInput
from campaigns.message import LONGEST_LIFE, PAYLOAD_LIMIT, AddressKind, PushMessage, data_of, payload_bytes

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

    Raises:
        BadInput: when firebase-admin or FCM would refuse it.
    """
    made = built(message)
    try:
        document = _ENCODER.default(made)
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None
    _check_size(message)
    return msgspec.json.encode({"message": document})


def _check_size(message: PushMessage) -> None:
    if payload_bytes(message) > PAYLOAD_LIMIT:
        raise BadInput(f"The payload is larger than {PAYLOAD_LIMIT} bytes.")


def built(message: PushMessage) -> messaging.Message:
    """The message as firebase-admin's, not yet checked."""
    made = messaging.Message(
        notification=messaging.Notification(title=message.title, body=message.body, image=message.image),
        data=data_of(message),
        android=_android(message),
        apns=_apns(message),
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


def _apns(message: PushMessage) -> messaging.APNSConfig:
    life = _life(message)
    headers = {
        "apns-priority": "10",
        "apns-expiration": str(int(time.time()) + life if life else 0),
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
