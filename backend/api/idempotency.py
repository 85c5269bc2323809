"""``Idempotency-Key`` on every request of /api/v1 that changes something: see `backend.services.idempotency`."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware.base import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.guards import admit_caller, scope_of
from backend.api.problems import fail, refuse
from backend.errors import JorenError
from backend.services.idempotency import Answer, Ask, Idempotency, Turn

HEADER = "Idempotency-Key"
APART = "idempotency_apart"
"""``opt`` of a route whose work speaks with the world and so cannot be undone with a transaction."""

REPEATABLE = "idempotency_repeatable"
"""``opt`` of a route whose work is not in one transaction either, but twice is the same as once."""

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEPT_HEADERS = ("content-type", "location")


class Idempotent(ASGIMiddleware):
    """Does the work of a request with a key once. Guards still decide who may: only an admitted caller has keys."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer from what is kept, or have the work done and keep its answer before it is sent."""
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        handler: Any = scope["route_handler"]
        key = request.headers.get(HEADER)
        if key is None or scope["method"] not in _CHANGING:  # type: ignore[typeddict-item]
            await next_app(scope, receive, send)
            return
        caller, needed = await admit_caller(request), scope_of(handler)
        if caller is None or needed is None or not caller.may(needed):
            await next_app(scope, receive, send)
            return
        body = await request.body()
        ask = Ask(api_key_id=caller.api_key_id, key=key, fingerprint=fingerprint(request, body))
        try:
            await _send(await _answer(_turn(request, ask, handler.opt), request, next_app, body=body), send)
        except Exception as error:  # noqa: BLE001 - the framework words none that comes after the held answer
            problem = refuse(request, error) if isinstance(error, JorenError) else fail(request, error)
            await problem.to_asgi_response(None, request)(scope, receive, send)


def _turn(request: Request[Any, Any, Any], ask: Ask, opt: Mapping[str, Any]) -> AbstractAsyncContextManager[Turn]:
    idempotency: Idempotency = request.app.state.services.idempotency
    if opt.get(APART) or opt.get(REPEATABLE):
        return idempotency.apart(ask, repeatable=bool(opt.get(REPEATABLE)))
    return idempotency.together(ask)


async def _answer(
    taking: AbstractAsyncContextManager[Turn], request: Request[Any, Any, Any], next_app: ASGIApp, *, body: bytes
) -> Answer:
    async with taking as turn:
        if turn.kept is not None:
            return Answer(
                status=turn.kept.status,
                headers={**turn.kept.headers, "idempotent-replayed": "true"},
                body=turn.kept.body,
            )
        answer = await _work(request, next_app, body)
        turn.answered(answer)
    return answer


async def _work(request: Request[Any, Any, Any], next_app: ASGIApp, body: bytes) -> Answer:
    """Have the request answered, and hold the answer back."""
    said: list[Message] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def hold(message: Message) -> None:
        said.append(message)

    await next_app(request.scope, receive, hold)
    start: Any = said[0]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    text = b"".join(message.get("body", b"") for message in said[1:])  # type: ignore[misc]
    kept = {name: value for name, value in headers.items() if name in _KEPT_HEADERS or name == "retry-after"}
    return Answer(status=start["status"], headers=kept, body=text)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def fingerprint(request: Request[Any, Any, Any], body: bytes) -> bytes:
    """A digest of everything that a request asks: method, address, kind of body, body."""
    digest = hashlib.sha256()
    asked = (request.method, request.scope["path"], request.headers.get("content-type", ""))
    for part in (*(text.encode() for text in asked), request.scope["query_string"], body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
