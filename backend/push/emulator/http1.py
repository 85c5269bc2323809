"""FCM's endpoint over HTTP/1.1, without a framework: the emulator shares its cores with whoever sends to it.

HTTP/2 goes through Hypercorn (`listener`, `endpoint`). What is answered, and what breaks, is the same for both.
"""

import asyncio
import re
import ssl
from collections import deque
from functools import lru_cache
from http import HTTPStatus

import httptools

from backend.push.emulator import answers
from backend.push.emulator.answers import Answer, Break
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.endpoint import UNDER_WAY, ask
from backend.push.tls import TlsSocket

LARGEST = 1 << 20
"""Bytes of a request; FCM takes a few thousand."""
_MOST_WAITING = 16
"""Requests that one connection may send ahead of their answers."""

_SEND = re.compile(rb"/v1/projects/([^/?]+)/messages:send")


class _Request:
    __slots__ = ("authorization", "body", "keeps_alive", "method", "path")

    def __init__(self) -> None:
        self.method = b""
        self.path = b""
        self.authorization = b""
        self.body = b""
        self.keeps_alive = True


class Connection:
    """One client's connection: its requests are answered one after the other, until it ends."""

    def __init__(self, emulator: Emulator, sock: ssl.SSLSocket) -> None:
        self._emulator = emulator
        self._coming = _Request()
        self._waiting: deque[_Request] = deque()
        self._parser = httptools.HttpRequestParser(self)
        self._ends = self._full = False
        self._socket = TlsSocket(sock, taken=self._take, ended=self.close, sent=self._sent)

    def close(self) -> None:
        """End it at once; what it asked for still happens."""
        self._socket.close()

    def _take(self, data: bytes) -> None:
        if self._ends:
            return
        before = len(self._waiting)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._ends = True
        if not self._full and (self._ends or len(self._waiting) > _MOST_WAITING):
            self._full = True
            self._socket.pause()
        if self._waiting and not before:
            self._answer()
        elif self._ends and not before:
            self._refuse()

    def on_message_begin(self) -> None:
        """httptools: the first byte of a request."""
        self._coming = _Request()

    def on_url(self, url: bytes) -> None:
        """httptools: a part of the path."""
        self._coming.path += url
        _limit(self._coming.path)

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        if len(name) == 13 and name.lower() == b"authorization":  # noqa: PLR2004 - letters of the word
            self._coming.authorization = value

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._coming.body += body
        _limit(self._coming.body)

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        self._coming.method, self._coming.keeps_alive = self._parser.get_method(), self._parser.should_keep_alive()
        self._waiting.append(self._coming)

    def _answer(self) -> None:
        """Ask for the answer to the first request that waits."""
        request = self._waiting[0]
        asked = _SEND.fullmatch(request.path)
        if asked is None or request.method != b"POST":
            status = HTTPStatus.METHOD_NOT_ALLOWED if asked else HTTPStatus.NOT_FOUND
            asyncio.get_running_loop().call_soon(self._told, Answer(status, b"{}"))
        else:
            ask(
                self._emulator,
                authorization=request.authorization,
                body=request.body,
                project=asked[1].decode("latin-1"),
                told=self._told,
            )

    def _told(self, answer: Answer | Break) -> None:
        if isinstance(answer, Break):
            self._break(answer.part)
            return
        self._socket.write(_written(answer))
        request = self._waiting.popleft()
        if not request.keeps_alive:
            self._waiting.clear()
            self._end()
        elif self._waiting:
            self._answer()
        elif self._ends:
            self._refuse()
        elif self._full:
            self._full = False
            self._socket.resume()

    def _refuse(self) -> None:
        self._socket.write(_written(answers.malformed("message", "This is no request of HTTP/1.1 that FCM takes.")))
        self._end()

    def _break(self, part: bytes) -> None:
        """Break the connection, after a part of an answer where there is one."""
        if part:
            self._socket.write(_written(Answer(HTTPStatus.OK, part), length=len(part) + 1))
            asyncio.get_running_loop().call_later(UNDER_WAY, self.close)
        else:
            self.close()

    def _end(self) -> None:
        """Close it when all has left."""
        self._ends = True
        self._socket.pause()
        if not self._socket.unsent:
            self.close()

    def _sent(self) -> None:
        if self._ends and not self._waiting:
            self.close()


def _limit(part: bytes) -> None:
    if len(part) > LARGEST:
        raise httptools.HttpParserError("too large")


def _written(answer: Answer, *, length: int | None = None) -> bytes:
    """The bytes of an answer; ``length``: what it promises of its body, where that is not what it gives."""
    head = _head(answer.status, answer.retry_after)
    return b"%b%d\r\n\r\n%b" % (head, len(answer.body) if length is None else length, answer.body)


@lru_cache(maxsize=64)
def _head(status: int, retry_after: int | None) -> bytes:
    wait = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n{wait}Content-Length: "
    ).encode("latin-1")
