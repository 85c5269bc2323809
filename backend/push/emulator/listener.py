"""Sockets for an ASGI app: HTTP/1.1 and HTTP/2 by Hypercorn, with three things its own `serve` does not offer.

HTTP/1.1 can be answered without Hypercorn. The app can break the connection that a request came in on, and closing ends every connection at once, open
streams included, instead of waiting for them.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeAlias

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.utils import wrap_app

from backend.errors import Conflict

Answers: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_CONNECTION: ContextVar[asyncio.StreamWriter] = ContextVar("connection")


def break_connection() -> None:
    """Cut the connection of the request being answered, as a failing network would."""
    _CONNECTION.get().transport.abort()


@contextlib.asynccontextmanager
async def listening(
    app: Any, *, host: str, port: int, certificate: Path | None = None, http1: Answers | None = None
) -> AsyncIterator[int]:
    """Serve ``app`` while the block runs; gives the port, which matters where ``port`` is 0.

    Args:
        app: an ASGI app.
        host: address to listen on.
        port: 0 takes a free one.
        certificate: with it the listener speaks TLS.
        http1: answers a connection that speaks HTTP/1.1 over TLS, in place of ``app``.

    Raises:
        Conflict: when the port is taken.
    """
    connections = _Connections(app, http1)
    try:
        server = await asyncio.start_server(connections.serve, host, port, ssl=_tls(certificate), backlog=512)
    except OSError as error:
        raise Conflict(f"Port {port} of {host} cannot be used ({error.strerror}): choose another port.") from None
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.end()
        await server.wait_closed()


class _Connections:
    def __init__(self, app: Any, http1: Answers | None) -> None:
        self._http1 = http1
        self._app = wrap_app(app, 1 << 20, "asgi")
        self._config = _config()
        self._context = WorkerContext(None)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _CONNECTION.set(writer)
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Waited for, not awaited: asyncio would report the cancellation of `end` as a fault of this callback.
        await asyncio.wait([task])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if self._http1 is None or tls is None or tls.selected_alpn_protocol() == "h2":
            loop = asyncio.get_running_loop()
            await TCPServer(self._app, loop, self._config, self._context, {}, reader, writer).run()
            return
        with contextlib.suppress(OSError):  # the other side is gone
            try:
                await self._http1(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
                raise
            writer.close()

    async def end(self) -> None:
        open_now = list(self._tasks)
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


def _config() -> Config:
    config = Config()
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_timeout = 75
    config.keep_alive_max_requests = 1 << 60
    return config


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
