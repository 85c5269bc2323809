"""One POST to somebody else's server, by the rules of `addresses`: resolved once, and connected to what was checked.

https only, certificates checked against the name in the URL, no redirects followed, no proxy, five seconds for all of
it, one megabyte of answer at most.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpcore

from backend.errors import BadInput
from backend.outbound.addresses import Address, checked_url, may_be_called

SECONDS = 5.0
"""For name, connection, TLS, request and answer together."""

LARGEST_ANSWER = 1024 * 1024
KEPT_OF_ANSWER = 1024
"""Bytes of the answer's body that are kept."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Collection[Address]]]
"""The addresses of a host's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status and the beginning of a body, or the reason why nothing did.

    Attributes:
        error: ``refused_address``, ``unknown_host``, ``bad_url``, ``no_connection``, ``bad_certificate``, ``timeout``,
            ``too_large`` or ``broken``; None where the answer came whole.
    """

    status: int | None = None
    error: str | None = None
    text: str = ""
    milliseconds: int = 0


class RefusedAddress(Exception):
    """The name leads to an address that may not be called."""


class UnknownHost(Exception):
    """The name leads nowhere."""


async def resolve(host: str, port: int) -> list[Address]:
    """Ask the machine's resolver.

    Raises:
        UnknownHost: it knows no such name.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(host) from error
    return [ipaddress.ip_address(address[0]) for *_, address in found]


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the address that was checked, not to the name: a second answer of the resolver changes nothing."""

    def __init__(self, *, allowed: Collection[str], resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, connect to the first.

        Raises:
            RefusedAddress: one of them may not be called.
            UnknownHost: there is none.
        """
        addresses = list(await self._resolve(host, port))
        if not addresses:
            raise UnknownHost(host)
        if f"{host}:{port}" not in self._allowed and not all(may_be_called(one) for one in addresses):
            raise RefusedAddress(host)
        return await self._backend.connect_tcp(
            str(addresses[0]), port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )


class Caller:
    """Posts to other people's servers.

    Args:
        allowed: ``host:port`` pairs that may be called whatever their address and port.
        resolve: the resolver; tests give one that lies.
        trust: the certificates that are trusted; the machine's by default.
        seconds: for each call.
    """

    def __init__(
        self,
        *,
        allowed: Collection[str] = (),
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._allowed = frozenset(allowed)
        self._resolve = resolve
        self._trust = trust
        self._seconds = seconds

    def check(self, url: str) -> str:
        """See `addresses.checked_url`."""
        return checked_url(url, allowed=self._allowed)

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a JSON body. Never raises: what goes wrong is in the answer."""
        started = time.monotonic()
        try:
            self.check(url)
            async with asyncio.timeout(self._seconds):
                status, error, text = await self._post(url, headers, body)
        except Exception as fault:  # noqa: BLE001 - whatever another server does to us is an answer
            status, error, text = None, _error_of(fault), ""
        milliseconds = round((time.monotonic() - started) * 1000)
        return Answer(status=status, error=error, text=text, milliseconds=milliseconds)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None, str]:
        sent = {"Content-Type": "application/json", "User-Agent": "Joren", "Accept-Encoding": "identity", **headers}
        trust = self._trust or ssl.create_default_context()
        backend = PinnedBackend(allowed=self._allowed, resolve=self._resolve)
        async with (
            httpcore.AsyncConnectionPool(ssl_context=trust, network_backend=backend) as pool,
            pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
        ):
            beginning, whole = await _read(response)
        text = beginning.decode("utf-8", "replace").replace("\0", "�")
        return response.status, None if whole else "too_large", text


async def _read(response: httpcore.Response) -> tuple[bytes, bool]:
    """The beginning of the body, and whether all of it came within the limit."""
    kept, size = b"", 0
    async for piece in response.aiter_stream():
        size += len(piece)
        kept += piece[: KEPT_OF_ANSWER - len(kept)]
        if size > LARGEST_ANSWER:
            return kept, False
    return kept, True


_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (RefusedAddress, "refused_address"),
    (UnknownHost, "unknown_host"),
    (BadInput, "bad_url"),
    (httpcore.TimeoutException, "timeout"),
    (TimeoutError, "timeout"),
    (httpcore.ConnectError, "no_connection"),
)


def _error_of(fault: Exception) -> str:
    if _caused_by(fault, ssl.SSLCertVerificationError):
        return "bad_certificate"
    return next((code for kind, code in _ERRORS if isinstance(fault, kind)), "broken")


def _caused_by(fault: BaseException | None, kind: type[Exception]) -> bool:
    while fault is not None:
        if isinstance(fault, kind):
            return True
        fault = fault.__cause__ or fault.__context__
    return False
