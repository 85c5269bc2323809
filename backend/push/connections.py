"""HTTP/1.1 over TLS for many small requests to one address: each is tried exactly once, and its fate is told apart.

One request at a time on a connection, as many connections as are asked for at once up to a limit. So a connection that breaks
takes one request with it, not a hundred, and what was never written is known never to have left. Nothing is repeated,
redirected or decompressed.

Requests come and go by the hundred: what waits for them is one future for all, no task and no timer of its own for each.
"""

import asyncio
import itertools
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import httptools

from backend.push.tls import TlsSocket, connect

IDLE = 30.0
"""Seconds after which a connection without work is not used again: the other side may be about to close it."""

LARGEST_ANSWER = 64 * 1024
"""Bytes of a body; what answers more is no push service."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never left: no connection came about, as ``why`` says."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The request was written and no answer came; ``seen`` says what did: ``timeout``, ``connection_lost``, ``bad_answer``."""

    seen: str


@dataclass(slots=True)
class Answer:
    """One HTTP answer; names and values of its headers as they came."""

    status: int = 0
    lines: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """By name, in lower case."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.lines}


Fate: TypeAlias = Answer | NotSent | Lost
"""What became of a request."""


@dataclass(slots=True)
class _Batch:
    """Requests that are asked together: what became of each, how many are still open, and who waits for all."""

    fates: list[Fate]
    open: int
    whole: asyncio.Future[None]


@dataclass(slots=True)
class _Job:
    """One request, its place in its batch, and the moment of the loop's clock until which its answer is waited for."""

    batch: _Batch
    place: int
    request: bytes
    until: float = 0.0

    def told(self, fate: Fate) -> None:
        batch = self.batch
        batch.fates[self.place] = fate
        batch.open -= 1
        if not batch.open and not batch.whole.done():
            batch.whole.set_result(None)


class Connection:
    """One connection; `ask` it one thing at a time. What came of it is told to ``told``.

    Attributes:
        idle_since: when it was last of use, by the loop's clock.
    """

    __slots__ = ("_answer", "_last", "_parser", "_socket", "_told", "_waits", "_whole", "idle_since")

    def __init__(self, sock: ssl.SSLSocket, told: Callable[["Connection", Answer | Lost], None]) -> None:
        self.idle_since = asyncio.get_running_loop().time()
        self._told = told
        self._waits = self._whole = self._last = False
        self._answer = Answer()
        self._parser = httptools.HttpResponseParser(self)
        self._socket = TlsSocket(sock, taken=self._take, ended=self._lose)

    @property
    def usable(self) -> bool:
        """Whether it stands."""
        return self._socket.open

    def ask(self, request: bytes) -> None:
        """Write a request."""
        self._waits, self._whole, self._last = True, False, False
        self._answer = Answer()
        self._socket.write(request)

    def close(self) -> None:
        """Give the connection up; nothing is told any more."""
        self._waits = False
        self._socket.close()

    def give_up(self, seen: str) -> None:
        """Close it; the request is lost."""
        self._socket.close()
        self._tell(Lost(seen))

    def _tell(self, fate: Answer | Lost) -> None:
        if self._waits:
            self._waits = False
            self._told(self, fate)

    def _lose(self) -> None:
        self.give_up("connection_lost")

    def _take(self, data: bytes) -> None:
        if not self._waits:
            self.close()  # an answer that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._last = True
            if not self._whole:
                self.give_up("bad_answer")
        if self._whole:
            if self._last:
                self._socket.close()
            self._tell(self._answer)

    def on_message_begin(self) -> None:
        """httptools: an answer begins."""
        self._last |= self._whole  # a second one to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        if not self._whole:
            self._answer.lines.append((name, value))

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        if self._whole:
            return
        self._answer.body += body
        if len(self._answer.body) > LARGEST_ANSWER:
            self.give_up("bad_answer")

    def on_message_complete(self) -> None:
        """httptools: the answer is whole."""
        if self._whole:
            return
        self._answer.status = self._parser.get_status_code()
        if self._answer.status < 200:  # noqa: PLR2004 - an announcement; the answer follows
            self._answer = Answer()
            return
        self._whole = True
        self._last = not self._parser.should_keep_alive()


class Connections:
    """Up to ``most`` connections to one host, opened as they are needed.

    Attributes:
        place: host and port.
    """

    def __init__(self, host: str, port: int, trust: ssl.SSLContext, *, most: int, seconds: float) -> None:
        self.place = (host, port)
        self._trust = trust
        self._most = most
        self._seconds = seconds
        self._queue: deque[_Job] = deque()
        self._idle: deque[Connection] = deque()
        self._busy: dict[Connection, _Job] = {}
        self._coming: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def ask(self, requests: Sequence[bytes]) -> list[Fate]:
        """Try each request exactly once, and say what became of each, in their order; they may wait for a connection before."""
        if not requests:
            return []
        batch = _Batch([NotSent("")] * len(requests), len(requests), self._loop.create_future())
        self._queue.extend(_Job(batch, place, request) for place, request in enumerate(requests))
        self._work_off()
        try:
            await batch.whole
        except asyncio.CancelledError:
            self._forget(batch)
            raise
        return batch.fates

    async def aclose(self) -> None:
        """Close all of them; who still waits is told so."""
        while self._queue:
            self._queue.popleft().told(NotSent("closed"))
        for coming in self._coming:
            coming.cancel()
        for connection in [*self._busy]:
            connection.give_up("connection_lost")
        while self._idle:
            self._idle.pop().close()
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _work_off(self) -> None:
        """Give what waits to connections that are idle, and open those that are missing."""
        while self._queue and (connection := self._take()):
            self._begin(connection)
        there = len(self._coming) + len(self._busy) + len(self._idle)
        for _ in range(min(len(self._queue) - len(self._coming), self._most - there)):
            coming = self._loop.create_task(self._open())
            self._coming.add(coming)
            coming.add_done_callback(self._come)

    def _begin(self, connection: Connection) -> None:
        job = self._queue.popleft()
        job.until = self._loop.time() + self._seconds
        self._busy[connection] = job
        if self._watch is None:
            self._watch = self._loop.call_at(job.until, self._give_up_late)
        connection.ask(job.request)

    def _take(self) -> Connection | None:
        """The connection that was used last: those that are not needed grow old and go."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and self._loop.time() - connection.idle_since < IDLE:
                return connection
            connection.close()
        return None

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                sock = await connect(*self.place, self._trust)
        except (OSError, TimeoutError, ValueError) as error:  # TLS that fails: OSError; no such name at all: ValueError
            if self._queue:
                self._queue.popleft().told(NotSent(type(error).__name__))
            return
        connection = Connection(sock, self._done)
        if self._queue:
            self._begin(connection)
        else:
            self._idle.append(connection)

    def _come(self, coming: asyncio.Task[None]) -> None:
        self._coming.discard(coming)
        if not coming.cancelled():
            self._work_off()

    def _done(self, connection: Connection, fate: Answer | Lost) -> None:
        job = self._busy.pop(connection)
        now = self._loop.time()
        if connection.usable:
            connection.idle_since = now
            self._idle.append(connection)
        while self._idle and now - self._idle[0].idle_since >= IDLE:
            self._idle.popleft().close()
        job.told(fate)
        if self._queue:
            self._work_off()

    def _give_up_late(self) -> None:
        """One timer for all: everyone waits equally long, so who was asked first is late first."""
        now = self._loop.time()
        late = itertools.takewhile(lambda one: one[1].until <= now, list(self._busy.items()))
        for connection, _ in late:
            connection.give_up("timeout")
        first = next(iter(self._busy.values()), None)
        self._watch = None if first is None else self._loop.call_at(first.until, self._give_up_late)

    def _forget(self, batch: _Batch) -> None:
        """Who asked has stopped waiting: what is under way ends with its connection, so that no answer of it meets the next."""
        self._queue = deque(job for job in self._queue if job.batch is not batch)
        for connection, job in [*self._busy.items()]:
            if job.batch is batch:
                del self._busy[connection]
                connection.close()
        self._work_off()
