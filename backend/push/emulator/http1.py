"""FCM's endpoint over HTTP/1.1, without a framework: the emulator shares its cores with whoever sends to it.

HTTP/2 goes through Hypercorn (`listener`, `endpoint`). What is answered, and what breaks, is the same for both.
"""

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus

import httptools

from backend.push.emulator import answers
from backend.push.emulator.answers import Answer
from backend.push.emulator.emulator import ConnectionBreaks, Emulator
from backend.push.emulator.endpoint import UNDER_WAY, answer_to

LARGEST = 1 << 20
"""Bytes of a request; FCM takes a few thousand."""

_AT_ONCE = 1 << 16
_SEND = re.compile(rb"/v1/projects/([^/?]+)/messages:send")


@dataclass(slots=True)
class _Request:
    method: bytes = b""
    path: bytes = b""
    authorization: str = ""
    body: bytes = b""
    keeps_alive: bool = True


@dataclass(slots=True)
class _Reader:
    """Gathers whole requests from what httptools finds."""

    whole: list[_Request] = field(default_factory=list)
    _now: _Request = field(default_factory=_Request)
    _parser: httptools.HttpRequestParser = field(init=False)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def take(self, data: bytes) -> list[_Request]:
        """The requests that are whole with these bytes.

        Raises:
            httptools.HttpParserError: this is no HTTP, or more than anybody sends to FCM.
        """
        self._parser.feed_data(data)
        taken, self.whole = self.whole, []
        return taken

    def on_message_begin(self) -> None:
        """httptools: the first byte of a request."""
        self._now = _Request()

    def on_url(self, url: bytes) -> None:
        """httptools: a part of the path."""
        self._now.path += url
        self._limit(self._now.path)

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        if name.lower() == b"authorization":
            self._now.authorization = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._now.body += body
        self._limit(self._now.body)

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        self._now.method, self._now.keeps_alive = self._parser.get_method(), self._parser.should_keep_alive()
        self.whole.append(self._now)

    def _limit(self, part: bytes) -> None:
        if len(part) > LARGEST:
            raise httptools.HttpParserError("too large")


async def serve(emulator: Emulator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection's requests, one after the other, until it ends."""
    requests = _Reader()
    while data := await reader.read(_AT_ONCE):
        try:
            whole = requests.take(data)
        except httptools.HttpParserError:
            writer.write(_written(answers.malformed("message", "This is no request of HTTP/1.1 that FCM takes.")))
            return
        for request in whole:
            try:
                writer.write(_written(await _answer(emulator, request)))
            except ConnectionBreaks as fault:
                await _break(writer, fault.part)
                return
            if not request.keeps_alive:
                return


async def _answer(emulator: Emulator, request: _Request) -> Answer:
    asked = _SEND.fullmatch(request.path)
    if asked is None:
        return Answer(HTTPStatus.NOT_FOUND, b"{}")
    if request.method != b"POST":
        return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"{}")
    return await answer_to(
        emulator, authorization=request.authorization, body=request.body, project=asked[1].decode("latin-1")
    )


def _written(answer: Answer, *, length: int | None = None) -> bytes:
    """The bytes of an answer; ``length``: what it promises of its body, where that is not what it gives."""
    wait = "" if answer.retry_after is None else f"Retry-After: {answer.retry_after}\r\n"
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\nContent-Type: application/json\r\n{wait}"
        f"Content-Length: {len(answer.body) if length is None else length}\r\n\r\n"
    )
    return head.encode("latin-1") + answer.body


async def _break(writer: asyncio.StreamWriter, part: bytes) -> None:
    """Break the connection, after a part of an answer where there is one."""
    if part:
        writer.write(_written(Answer(HTTPStatus.OK, part), length=len(part) + 1))
        await asyncio.sleep(UNDER_WAY)
    writer.transport.abort()
