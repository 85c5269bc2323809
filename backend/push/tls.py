"""TLS on a socket itself, which the event loop only watches: for the fast sender and for the emulator on its other side.

asyncio's own transport copies every message twice more, and holds a quarter of a MiB a connection.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

_AT_ONCE = 16 * 1024
"""Bytes of one record of TLS, at most."""

_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


def _nothing() -> None:
    """Nobody wants to know."""


class TlsSocket:
    """A connection that stands. It tells ``taken`` what arrives, and ``ended``, once, that the other side or the network ended it.

    Neither is called out of a method that the owner calls.

    Attributes:
        open: whether it still stands.
        unsent: bytes that were written and have not left yet.
    """

    __slots__ = ("_ended", "_loop", "_number", "_sent", "_socket", "_taken", "open", "unsent")

    def __init__(
        self,
        sock: ssl.SSLSocket,
        *,
        taken: Callable[[bytes], None],
        ended: Callable[[], None],
        sent: Callable[[], None] = _nothing,
    ) -> None:
        """Begin to read; ``sent`` learns when what had to wait has left."""
        self.open = True
        self.unsent = b""
        self._taken, self._ended, self._sent = taken, ended, sent
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._number = sock.fileno()
        self._loop.add_reader(self._number, self._read)

    def write(self, data: bytes) -> None:
        """Send, now or as soon as there is room; what was closed sends nothing any more."""
        if self.open:
            waits = bool(self.unsent)
            self.unsent += data
            if not waits:
                self._write()

    def pause(self) -> None:
        """Read nothing for now."""
        if self.open:
            self._loop.remove_reader(self._number)

    def resume(self) -> None:
        """Read on."""
        if self.open:
            self._loop.add_reader(self._number, self._read)
            if self._socket.pending():
                self._loop.call_soon(self._read)

    def close(self) -> None:
        """End it at once, without a word."""
        if self.open:
            self.open = False
            self._loop.remove_reader(self._number)
            self._loop.remove_writer(self._number)
            self._socket.close()

    def _write(self) -> None:
        try:
            self.unsent = self.unsent[self._socket.write(self.unsent) :]
        except _NOT_YET:
            pass
        except OSError:
            self._loop.call_soon(self._end)
            return
        if self.unsent:
            self._loop.add_writer(self._number, self._write_on)

    def _write_on(self) -> None:
        self._loop.remove_writer(self._number)
        self._write()
        if not self.unsent:
            self._sent()

    def _read(self) -> None:
        """The socket has something; what OpenSSL has taken from it already is read at once."""
        while self.open:
            try:
                data = self._socket.read(_AT_ONCE)
            except _NOT_YET:
                return
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            self._taken(data)
            if self.open and not self._socket.pending():
                return

    def _end(self) -> None:
        if self.open:
            self.close()
            self._ended()


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
            await loop.sock_connect(plain, address)
            sock = _wrapped(plain, trust, host=host)
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


async def welcome(plain: socket.socket, own: ssl.SSLContext) -> ssl.SSLSocket:
    """TLS as the server's side of a connection that was taken.

    Raises:
        OSError: the other side does not speak it, or not with us. The connection is closed.
    """
    try:
        plain.settimeout(0)
        sock = _wrapped(plain, own)
    except BaseException:
        plain.close()
        raise
    await _shake_hands(sock)
    return sock


def _wrapped(plain: socket.socket, context: ssl.SSLContext, *, host: str | None = None) -> ssl.SSLSocket:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_side=host is None, server_hostname=host, do_handshake_on_connect=False)


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
