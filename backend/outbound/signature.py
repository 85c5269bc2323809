"""Signs messages after the Standard Webhooks scheme: ``id.timestamp.body`` by HMAC-SHA-256 under a shared secret."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
"""What a secret begins with, so that scanners find one that leaked."""

_BYTES = 32


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: ``v1,`` and the digest in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(given: Sequence[str], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one attempt at ``at``, signed with every secret in force, separated by spaces."""
    timestamp = int(at.timestamp())
    signatures = (signature(secret, message_id=message_id, timestamp=timestamp, body=body) for secret in given)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
