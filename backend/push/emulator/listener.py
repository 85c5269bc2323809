"""Sockets for an ASGI app: HTTP/1.1 and HTTP/2 by Hypercorn, with two things its own `serve` does not offer.

The app can break the connection that a request came in on, and closing ends every connection at once, open streams included, instead of
waiting for them. The listener over TLS lets HTTP/1.1 be answered without Hypercorn.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from weakref import WeakSet

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.utils import wrap_app

from backend.errors import Conflict
from backend.push.emulator.streams import streams_of
from backend.push.tls import welcome

_BACKLOG = 512
_PATIENCE = 30.0
"""Seconds that TLS may take to come about."""

_CONNECTION: ContextVar[asyncio.StreamWriter] = ContextVar("connection")


class Answering(Protocol):
    """A connection that answers by itself."""

    def close(self) -> None:
        """End it at once."""
        ...


Http1: TypeAlias = Callable[[ssl.SSLSocket], Answering]


def break_connection() -> None:
    """Cut the connection of the request being answered, as a failing network would."""
    _CONNECTION.get().transport.abort()


@contextlib.asynccontextmanager
async def listening(app: Any, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve ``app`` over plain HTTP while the block runs; gives the port, which matters where ``port`` is 0.

    Args:
        app: an ASGI app.
        host: address to listen on.
        port: 0 takes a free one.

    Raises:
        Conflict: when the port is taken.
    """
    connections = _Connections(app)
    try:
        server = await asyncio.start_server(connections.serve, host, port, backlog=_BACKLOG)
    except OSError as error:
        raise _taken(host, port, error) from None
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.end()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def listening_over_tls(app: Any, http1: Http1, *, host: str, port: int, certificate: Path) -> AsyncIterator[int]:
    """The same over TLS: who speaks HTTP/2 meets ``app``, everybody else ``http1``.

    Raises:
        Conflict: when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _taken(host, port, error) from None
    server.settimeout(0)
    connections = _Connections(app, http1)
    door = asyncio.create_task(connections.welcome_all(server, _tls(certificate)))
    try:
        yield server.getsockname()[1]
    finally:
        door.cancel()
        await asyncio.gather(door, return_exceptions=True)
        server.close()
        await connections.end()


def _taken(host: str, port: int, error: OSError) -> Conflict:
    return Conflict(f"Port {port} of {host} cannot be used ({error.strerror}): choose another port.")


class _Connections:
    def __init__(self, app: Any, http1: Http1 | None = None) -> None:
        self._http1 = http1
        self._app = wrap_app(app, 1 << 20, "asgi")
        self._config = _config()
        self._context = WorkerContext(None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering: WeakSet[Answering] = WeakSet()  # those that stand are held by the event loop

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Waited for, not awaited: asyncio would report the cancellation of `end` as a fault of this callback.
        await asyncio.wait([self._begin(self._by_hypercorn(reader, writer))])

    async def welcome_all(self, server: socket.socket, own: ssl.SSLContext) -> None:
        """Take whoever comes, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                plain, _ = await loop.sock_accept(server)
            except OSError:  # no descriptor is left, or the other side went while it waited
                await asyncio.sleep(0.1)
            else:
                self._begin(self._welcome(plain, own))

    async def _welcome(self, plain: socket.socket, own: ssl.SSLContext) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                sock = await welcome(plain, own)
            if self._http1 is not None and sock.selected_alpn_protocol() != "h2":
                self._answering.add(self._http1(sock))
            else:
                await self._by_hypercorn(*streams_of(sock))

    async def _by_hypercorn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _CONNECTION.set(writer)
        loop = asyncio.get_running_loop()
        await TCPServer(self._app, loop, self._config, self._context, {}, reader, writer).run()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        open_now = list(self._tasks)
        for task in open_now:
            task.cancel()
        for connection in list(self._answering):
            connection.close()
        await asyncio.gather(*open_now, return_exceptions=True)


def _config() -> Config:
    config = Config()
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_timeout = 75
    config.keep_alive_max_requests = 1 << 60
    return config


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
