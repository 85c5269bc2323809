"""Somebody else's server: TLS on this machine, answers as it is told, remembers what it was sent."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from backend.push.emulator import certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server whose answers are bytes; an empty answer hangs, ``None`` breaks the connection."""

    trust: ssl.SSLContext
    port: int = 0
    answers: list[bytes | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    @property
    def place(self) -> str:
        """For an allow-list."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.place}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(first.split(" ")[1], headers, body))
            answer = self.answers.pop(0) if self.answers else OK
            if answer == b"":
                await asyncio.sleep(30)
            elif answer is not None:
                writer.write(answer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving(folder: Path, *, port: int = 0) -> AsyncIterator[Receiver]:
    """The server on a free port of the loopback address."""
    made = certificate.ensure(folder)
    trust = ssl.create_default_context(cafile=str(made.authority))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(made.server)
    receiver = Receiver(trust)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=own)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """An answer's bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
