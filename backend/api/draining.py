"""Leaving without breaking a request: while a server drains it still answers, but asks everyone to go elsewhere.

Readiness says 503, so that load balancers send nothing new, and every answer closes its connection, so that none is left
on which a request could arrive in the moment the server ends.
"""

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_READINESS = "/health/ready"
_GOING = b'{"ready": false, "concerns": ["stopping"], "reasons": ["This server is stopping."]}'


class Drain:
    """Stands before an application; does nothing until `begin`."""

    def __init__(self) -> None:
        self._begun = False

    def begin(self) -> None:
        """Ask everyone to go elsewhere from now on."""
        self._begun = True

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and say goodbye where it is time to."""
        if not self._begun or scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
        elif scope["path"] == _READINESS:
            await _say_not_ready(send)
        else:
            await app(scope, receive, _closing(send))


def _closing(send: Send) -> Send:
    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return closing


async def _say_not_ready(send: Send) -> None:
    headers: Any = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_GOING)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _GOING, "more_body": False})
