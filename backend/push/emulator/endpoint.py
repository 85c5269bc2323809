"""FCM's endpoint: ``POST /v1/projects/{project}/messages:send``; the app behind HTTP/2."""

import asyncio
from collections.abc import AsyncIterator

from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Stream

from backend.push.emulator import answers
from backend.push.emulator.answers import Answer, Fault
from backend.push.emulator.emulator import ConnectionBreaks, Emulator
from backend.push.emulator.listener import break_connection

UNDER_WAY = 0.05
"""Seconds that a part of an answer gets to arrive before its connection breaks."""


async def answer_to(emulator: Emulator, *, authorization: str, body: bytes, project: str) -> Answer:
    """The answer to one request, over whatever it came.

    Raises:
        ConnectionBreaks: when a fault rule says so.
    """
    if not authorization.startswith("Bearer "):
        return answers.refused(Fault.UNAUTHENTICATED)
    return await emulator.answer(body, project=project)


def fcm_app(emulator: Emulator) -> Litestar:
    """The app behind the TLS listener, for those who speak HTTP/2."""

    @post("/v1/projects/{project:str}/messages:send", status_code=200)
    async def send(request: Request[None, None, State], project: FromPath[str]) -> Response[bytes] | Stream:
        signed = request.headers.get("authorization", "")
        try:
            return _response(
                await answer_to(emulator, authorization=signed, body=await request.body(), project=project)
            )
        except ConnectionBreaks as fault:
            if fault.part:
                return Stream(_broken_off(fault.part), media_type="application/json")
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
