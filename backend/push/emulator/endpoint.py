"""FCM's endpoint: ``POST /v1/projects/{project}/messages:send``; the app behind HTTP/2."""

import asyncio
from collections.abc import AsyncIterator, Callable

from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Stream

from backend.push.emulator import answers
from backend.push.emulator.answers import Answer, Break, Fault
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.listener import break_connection

UNDER_WAY = 0.05
"""Seconds that a part of an answer gets to arrive before its connection breaks."""


def ask(
    emulator: Emulator, *, authorization: bytes, body: bytes, project: str, told: Callable[[Answer | Break], None]
) -> None:
    """Tell ``told`` the answer to one request, over whatever it came, when its time has come."""
    if authorization.startswith(b"Bearer "):
        emulator.ask(body, project=project, told=told)
    else:
        asyncio.get_running_loop().call_soon(told, answers.refused(Fault.UNAUTHENTICATED))


def fcm_app(emulator: Emulator) -> Litestar:
    """The app behind the TLS listener, for those who speak HTTP/2."""

    @post("/v1/projects/{project:str}/messages:send", status_code=200)
    async def send(request: Request[None, None, State], project: FromPath[str]) -> Response[bytes] | Stream:
        answered: asyncio.Future[Answer | Break] = asyncio.get_running_loop().create_future()
        ask(
            emulator,
            authorization=request.headers.get("authorization", "").encode("latin-1"),
            body=await request.body(),
            project=project,
            told=lambda answer: None if answered.done() else answered.set_result(answer),
        )
        answer = await answered
        if isinstance(answer, Answer):
            return _response(answer)
        if answer.part:
            return Stream(_broken_off(answer.part), media_type="application/json")
        break_connection()
        return Response(b"", status_code=503)

    return Litestar([send], openapi_config=None, logging_config=None)


async def _broken_off(part: bytes) -> AsyncIterator[bytes]:
    yield part
    await asyncio.sleep(UNDER_WAY)
    break_connection()
    yield b""


def _response(answer: Answer) -> Response[bytes]:
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return Response(answer.body, status_code=answer.status, headers=headers, media_type="application/json")
