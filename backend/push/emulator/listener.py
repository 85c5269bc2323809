"""Sockets for an ASGI app: HTTP/1.1 and HTTP/2 by Hypercorn, with two things its own `serve` does not offer.

The app can break the connection that a request came in on, and closing ends every connection at once, open
streams included, instead of waiting for them.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.utils import wrap_app

from backend.errors import Conflict

_CONNECTION: ContextVar[asyncio.StreamWriter] = ContextVar("connection")


def break_connection() -> None:
    """Cut the connection of the request being answered, as a failing network would."""
    _CONNECTION.get().transport.abort()


@contextlib.asynccontextmanager
async def listening(app: Any, *, host: str, port: int, certificate: Path | None = None) -> AsyncIterator[int]:
    """Serve ``app`` while the block runs; gives the port, which matters where ``port`` is 0.

    Raises:
        Conflict: when the port is taken.
    """
    connections = _Connections(app)
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
    def __init__(self, app: Any) -> None:
        self._app = wrap_app(app, 1 << 20, "asgi")
        self._config = _config()
        self._context = WorkerContext(None)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _CONNECTION.set(writer)
        loop = asyncio.get_running_loop()
        server = TCPServer(self._app, loop, self._config, self._context, {}, reader, writer)
        task = loop.create_task(server.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Waited for, not awaited: asyncio would report the cancellation of `end` as a fault of this callback.
        await asyncio.wait([task])

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
