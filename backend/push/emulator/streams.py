"""asyncio's streams on a TLS connection of ours: Hypercorn, which speaks HTTP/2, asks for them."""

import asyncio
import ssl
from typing import Any

from backend.push.tls import TlsSocket

_MOST_UNSENT = 64 * 1024
"""Bytes that may wait to leave before a writer is asked to wait."""


def streams_of(sock: ssl.SSLSocket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Reader and writer of a connection that stands."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    return reader, asyncio.StreamWriter(_Transport(sock, protocol), protocol, reader, loop)


class _Transport(asyncio.Transport):
    """What asyncio's streams ask of a connection."""

    def __init__(self, sock: ssl.SSLSocket, protocol: asyncio.StreamReaderProtocol) -> None:
        super().__init__({"socket": sock, "ssl_object": sock})
        self._protocol = protocol
        self._closing = self._full = False
        self._socket = TlsSocket(sock, taken=protocol.data_received, ended=self._ended, sent=self._sent)
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        if self._closing:
            return
        self._socket.write(bytes(data))
        if not self._full and len(self._socket.unsent) > _MOST_UNSENT:
            self._full = True
            self._protocol.pause_writing()

    def pause_reading(self) -> None:
        self._socket.pause()

    def resume_reading(self) -> None:
        self._socket.resume()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._socket.pause()
            if not self._socket.unsent:
                self.abort()

    def abort(self) -> None:
        self._closing = True
        if self._socket.open:
            self._socket.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def _sent(self) -> None:
        if self._full:
            self._full = False
            self._protocol.resume_writing()
        if self._closing:
            self.abort()

    def _ended(self) -> None:
        self._closing = True
        self._protocol.eof_received()
        self._protocol.connection_lost(None)
