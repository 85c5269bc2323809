"""HTTP/1.1 over TLS for many small requests to one address: each is tried exactly once, and its fate is told apart.

One request at a time on a connection, as many connections as are asked for at once up to a limit. So a connection that breaks
takes one request with it, not a hundred, and what was never written is known never to have left. Nothing is repeated,
redirected or decompressed.
"""

import asyncio
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass, field

import httptools

IDLE = 30.0
"""Seconds after which a connection without work is not used again: the other side may be about to close it."""

LARGEST_ANSWER = 64 * 1024
"""Bytes of a body; what answers more is no push service."""


_AT_ONCE = 16 * 1024
"""Bytes of one record of TLS, at most."""

_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


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


class Connection:
    """One connection; `ask` it one thing at a time.

    OpenSSL works on the socket itself: through a transport of the event loop every message is copied twice more, and a
    connection holds a quarter of a MiB.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self.idle_since = time.monotonic()
        self.usable = True
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._number = sock.fileno()
        self._unsent = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer = Answer()
        self._loop.add_reader(self._number, self._read)

    async def ask(self, request: bytes, seconds: float) -> Answer:
        """Write a request and wait for its answer.

        Raises:
            Lost: the answer did not come, or nobody can read it. The connection is closed.
        """
        self._answer, self._waiting = Answer(), self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        late = self._loop.call_later(seconds, self._fail, "timeout")
        self._unsent = request
        self._write()
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
        if not self.usable:
            return
        self.usable = False
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        self._socket.close()

    def _write(self) -> None:
        if not self.usable:
            self._fail("connection_lost")
            return
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except _NOT_YET:
            pass
        except OSError:
            self._fail("connection_lost")
            return
        if self._unsent:
            self._loop.add_writer(self._number, self._write_on)

    def _write_on(self) -> None:
        self._loop.remove_writer(self._number)
        self._write()

    def _read(self) -> None:
        """The socket has something; what OpenSSL has taken from it already is read at once."""
        while self.usable:
            try:
                data = self._socket.recv(_AT_ONCE)
            except _NOT_YET:
                return
            except OSError:
                data = b""
            if not data:
                self._fail("connection_lost")
            elif self._parser is None or self._waiting is None:
                self.close()  # an answer that nobody asked for
            else:
                self._feed(self._parser, data)
            if self.usable and not self._socket.pending():
                return

    def _feed(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
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


async def connect(host: str, port: int, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection that stands, the other side's certificate checked.

    Raises:
        OSError: there is none; TLS that fails is one too.
    """
    loop = asyncio.get_running_loop()
    failed = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(0)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(plain, address)
            sock = trust.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        except OSError as error:
            plain.close()
            failed = error
        except BaseException:
            plain.close()
            raise
        else:
            await _shake_hands(sock)
            return sock
    raise failed


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    loop, number = asyncio.get_running_loop(), sock.fileno()
    try:
        while True:
            ready = asyncio.Event()
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                loop.add_reader(number, ready.set)
            except ssl.SSLWantWriteError:
                loop.add_writer(number, ready.set)
            else:
                return
            await ready.wait()
            loop.remove_reader(number)
            loop.remove_writer(number)
    except BaseException:
        loop.remove_reader(number)
        loop.remove_writer(number)
        sock.close()
        raise


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
                connection = Connection(await connect(host, port, self._trust))
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
