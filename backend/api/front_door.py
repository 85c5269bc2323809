"""The short way into the intake: its paths are answered before the framework sees them, which costs a third of a request.

What is unusual goes the long way, with the same answers: web pages (CORS), other methods, paths written otherwise. Every
fault is worded by `backend.api.problems`, whichever way a request came.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from backend.api.events import BATCHES, CALLS, Call, ClientLeft, Door, take
from backend.api.inflate import TooLarge
from backend.api.problems import HANDLERS, Problem, verdict_of

_ROUTES = {f"/v1/{name}": f"/v1/{name}" for name in (*BATCHES, *CALLS)}
_ROUTES |= {f"{path}/": route for path, route in _ROUTES.items()}

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"17")],
}
_BODY = {"type": "http.response.body", "body": b'{"success": true}', "more_body": False}


class FrontDoor:
    """Stands before an application's own handler: ``app.asgi_handler = FrontDoor(app.asgi_handler, door)``."""

    def __init__(self, inner: ASGIApp, door: Door) -> None:
        self._inner = inner
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call of the intake; pass on everything else."""
        route = _ROUTES.get(scope["path"]) if scope.get("method") == "POST" else None
        headers = {} if route is None else read_headers(scope)
        if route is None or "origin" in headers:
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        try:
            status = await self._answer(route, headers, scope, receive, send)
        finally:
            self._door.meters.note(route, "POST", status, time.perf_counter() - started)

    async def _answer(self, route: str, headers: dict[str, str], scope: Scope, receive: Receive, send: Send) -> int:
        client = scope.get("client")
        call = Call(path=route, headers=headers, address=client[0] if client else None)
        try:
            await take(call, self._door, await self._read(call, receive))
        except ClientLeft:
            return 499
        except Exception as error:  # noqa: BLE001 - worded as the framework would
            return await _refuse(error, scope, receive, send)
        await send(_START)  # type: ignore[arg-type]
        await send(_BODY)  # type: ignore[arg-type]
        return 200

    async def _read(self, call: Call, receive: Receive) -> bytes:
        """The body; one that is too large to be read leaves a note, without its bytes."""
        try:
            return await read_body(call.headers, receive, limit=self._door.largest_body)
        except TooLarge as error:
            status, code, message = verdict_of(error)
            self._door.refusals.note(path=call.path, status=status, code=code, message=message, body=b"")
            raise


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers by name in small letters; of a repeated one the last."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(headers: Mapping[str, str], receive: Receive, *, limit: int) -> bytes:
    """The body as it came, never more than ``limit`` bytes of it in memory.

    Raises:
        TooLarge: it is, or says that it is, larger.
        ClientLeft: the client went away before its end.
    """
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    room = limit
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(detail=f"The body is larger than {limit} bytes. Send smaller batches.")


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> int:
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    handler: Callable[..., Any] = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    problem: Problem = handler(request, error)
    await problem.to_asgi_response(None, request)(scope, receive, send)
    return problem.status_code or 500
