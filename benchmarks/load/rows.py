"""Events as a store app sends them: random text ids, four kinds of calls, the context of a phone. Made before the clock starts."""

import base64
import hashlib
import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

MEMBERS = 200_000
KINDS = 10_000
"""So many different events are made; they repeat under new message ids, because making each anew takes minutes."""

_HERE = "the message id"


class Rows:
    """A source of new events."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._made = [
            json.dumps(self._event(), ensure_ascii=False).encode().split(_HERE.encode()) for _ in range(KINDS)
        ]

    def event(self) -> bytes:
        """A new event as JSON."""
        before, after = self._made[self._dice.randrange(KINDS)]
        number = f"{self._dice.getrandbits(128):032x}"
        return b"%s%s-%s%s" % (before, number[:8].encode(), number[8:].encode(), after)

    def _event(self) -> dict[str, Any]:
        """With everything an SDK puts beside it; some 800 bytes as JSON."""
        dice = self._dice
        member = dice.randrange(MEMBERS)
        name, properties = self._call()
        return {
            "type": "track",
            "event": name,
            "messageId": _HERE,
            "userId": f"cus_{hashlib.sha256(str(member).encode()).hexdigest()[:24]}",
            "anonymousId": str(uuid.UUID(int=member + 2**100)),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "properties": properties,
            "context": {
                "app": {"name": "Store", "version": "3.2.1", "build": "512", "namespace": "jp.example.store"},
                "device": {"id": f"{member:032x}", "type": "ios", "model": "iPhone17,1", "manufacturer": "Apple"},
                "os": {"name": "iOS", "version": "20.1"},
                "library": {"name": "analytics-react-native", "version": "2.24.1"},
                "screen": {"width": 393, "height": 852, "density": 3},
                "network": {"wifi": True, "cellular": False},
                "locale": "ja-JP",
                "timezone": "Asia/Tokyo",
            },
        }

    def _call(self) -> tuple[str, dict[str, Any]]:
        dice = self._dice
        kind = dice.random()
        if kind < 0.4:
            return "Product Viewed", {"product_id": f"p-{dice.randrange(5000)}", "category": "菓子", "price": 480}
        if kind < 0.7:
            return "Application Opened", {"version": "3.2.1", "build": "512", "from_background": True}
        if kind < 0.9:
            return "Coupon Viewed", {"coupon_id": f"c-{dice.randrange(50)}", "store_id": f"s-{dice.randrange(40)}"}
        line = {"product_id": f"p-{dice.randrange(5000)}", "name": "どら焼き", "price": 480, "quantity": 2}
        order = {"order_id": f"o-{dice.getrandbits(64)}", "total": 960, "currency": "JPY", "products": [line]}
        return "Order Completed", order


def request_of(rows: Rows, *, key: str, size: int) -> bytes:
    """A whole HTTP request: a batch as a phone sends it (key in the body), or for 1 a single call as a server does (Basic)."""
    if size == 1:
        return post("/v1/track", rows.event(), key=key)
    events = b", ".join(rows.event() for _ in range(size))
    return post("/v1/batch", b'{"batch": [%s], "writeKey": "%s"}' % (events, key.encode()))


def post(path: str, body: bytes, *, key: str | None = None) -> bytes:
    """The bytes of a POST; with a key as the user of Basic authentication."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    if key is not None:
        head += f"Authorization: Basic {base64.b64encode(f'{key}:'.encode()).decode()}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
