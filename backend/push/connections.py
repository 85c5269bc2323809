"""HTTP/1.1 over TLS for many small requests to one address: each is tried exactly once, and its fate is told apart.

One request at a time on a connection, as many connections as are asked for at once up to a limit. So a connection that breaks
takes one request with it, not a hundred, and what was never written is known never to have left. Nothing is repeated,
redirected or decompressed.
"""

import asyncio
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import httptools

IDLE = 30.0
"""Seconds after which a connection without work is not used again: the other side may be about to close it."""

LARGEST_ANSWER = 64 * 1024
"""Bytes of a body; what answers more is no push service."""


class NotSent(Exception):
    """The request never left: no connection came about."""


class Lost(Exception):
    """The request was written and no answer came; ``seen`` says what did: ``timeout``, ``connection_lost``, ``bad_answer``."""

    def __init__(self, seen: str) -> None:
        super().__init__(seen)
        self.seen = seen


@dataclass(slots=True)
class Answer:
    """One HTTP answer; header names in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Connection(asyncio.Protocol):
    """One connection; `ask` it one thing at a time."""

    def __init__(self) -> None:
        self.idle_since = time.monotonic()
        self.usable = False
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer = Answer()

    async def ask(self, request: bytes, seconds: float) -> Answer:
        """Write a request and wait for its answer.

        Raises:
            Lost: the answer did not come, or nobody can read it. The connection is closed.
        """
        loop = asyncio.get_running_loop()
        self._answer, self._waiting = Answer(), loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        late = loop.call_later(seconds, self._fail, "timeout")
        if self._transport is None or self._transport.is_closing():
            self._fail("connection_lost")
        else:
            self._transport.write(request)
        try:
            return await self._waiting
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            late.cancel()
            self._waiting = None

    def close(self) -> None:
        """Give the connection up."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it stands."""
        self._transport, self.usable = (
            cast("asyncio.Transport", transport),
            True,
        )  # uvloop's are of no class of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """asyncio: it is gone."""
        self._fail("connection_lost")

    def data_received(self, data: bytes) -> None:
        """asyncio: a part of an answer."""
        if self._parser is None or self._waiting is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("bad_answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._answer.body += body
        if len(self._answer.body) > LARGEST_ANSWER:
            self._fail("bad_answer")

    def on_message_complete(self) -> None:
        """httptools: the answer is whole."""
        if self._parser is None or self._waiting is None or self._waiting.done():
            return
        self._answer.status = self._parser.get_status_code()
        if self._answer.status < 200:  # noqa: PLR2004 - an announcement; the answer follows
            self._answer = Answer()
            return
        self._waiting.set_result(self._answer)
        self.idle_since = time.monotonic()
        if not self._parser.should_keep_alive():
            self.close()

    def _fail(self, seen: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Lost(seen))
        self.close()


class Connections:
    """Up to ``most`` connections to one host, opened as they are needed.

    Attributes:
        place: host and port.
    """

    def __init__(self, host: str, port: int, trust: ssl.SSLContext, *, most: int, seconds: float) -> None:
        self.place = (host, port)
        self._trust = trust
        self._room = asyncio.Semaphore(most)
        self._seconds = seconds
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()

    async def ask(self, request: bytes) -> Answer:
        """Try a request exactly once; it may wait for a connection before.

        Raises:
            NotSent: no connection came about.
            Lost: it left, and what became of it is not known.
        """
        async with self._room:
            connection = self._take() or await self._new()
            try:
                return await connection.ask(request, self._seconds)
            finally:
                self._give_back(connection)

    async def aclose(self) -> None:
        """Close all of them."""
        for connection in list(self._open):
            connection.close()
        self._open.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # transports close in the loop's next turn

    def _take(self) -> Connection | None:
        """The connection that was used last: those that are not needed grow old and go."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and time.monotonic() - connection.idle_since < IDLE:
                return connection
            self._drop(connection)
        return None

    async def _new(self) -> Connection:
        host, port = self.place
        try:
            async with asyncio.timeout(self._seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, host, port, ssl=self._trust, server_hostname=host
                )
        except (OSError, TimeoutError) as error:  # TLS that fails is an OSError too
            raise NotSent(type(error).__name__) from error
        self._open.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        if connection.usable:
            self._idle.append(connection)
        else:
            self._drop(connection)
        while self._idle and time.monotonic() - self._idle[0].idle_since >= IDLE:
            self._drop(self._idle.popleft())

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open.discard(connection)
