"""Sends requests as fast as the server answers, or at a given pace, and prints what it saw as JSON.

A process of its own, so that the server's CPU is the server's. The least HTTP client that can be written: it takes
cores away from what is measured.

    python benchmarks/load/client.py PORT KEY SIZE SECONDS CLIENTS PACE

SIZE is events a request (1: single calls), PACE requests a second over all clients, 0 for as fast as possible. With
pace 0 the requests of a client follow each other; with a pace each has its moment, and waiting for it to begin counts.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.load.rows import Rows, post, request_of

READ_ONLY = "/v1/m"
"""Reads the body and drops it; SDKs send figures about themselves there."""


class Client(asyncio.Protocol):
    """One connection: one request, one answer."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The answers are shorter than a packet, but nobody promises that."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(rest) >= length and self._answer:
                self._buffer = b""
                self._answer.set_result(int(head[9:12]))

    def connection_lost(self, _error: Exception | None) -> None:
        """A server that hangs up ends the measurement."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    async def ask(self, request: bytes) -> int:
        """Send one request; gives the status of its answer."""
        if self._transport is None:
            raise ConnectionResetError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


class Run:
    """One measurement."""

    def __init__(self, requests: list[bytes], *, seconds: float, pace: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._pace = pace
        self._sent = 0
        self.waits: list[float] = []
        self.statuses: Counter[int] = Counter()

    async def drive(self, port: int, clients: int) -> float:
        """Send for as long as was asked, or until the prepared requests are used up; gives the seconds it took."""
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(Client, "127.0.0.1", port) for _ in range(clients)]
        started = time.perf_counter()
        await asyncio.gather(*(self._send(client, started) for _, client in made))
        taken = time.perf_counter() - started
        for transport, _ in made:
            transport.close()
        return taken

    async def _send(self, client: Client, started: float) -> None:
        while self._sent < len(self._requests) and time.perf_counter() - started < self._seconds:
            number, self._sent = self._sent, self._sent + 1
            due = started + number / self._pace if self._pace else 0.0
            if due > (now := time.perf_counter()):
                await asyncio.sleep(due - now)
            began = due or time.perf_counter()
            self.statuses[await client.ask(self._requests[number])] += 1
            self.waits.append(time.perf_counter() - began)


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def prepare(key: str, size: int, number: int) -> list[bytes]:
    """The requests; size 0 asks the endpoint that only reads the body."""
    rows = Rows(seed=time.time_ns())
    if size == 0:
        return [post(READ_ONLY, rows.event())] * number
    return [request_of(rows, key=key, size=size) for _ in range(number)]


def main() -> None:
    port, key, size, seconds, clients, pace = sys.argv[1:7]
    most = float(pace) or {0: 20_000, 1: 12_000, 20: 4_000}.get(int(size), 1_200)
    run = Run(prepare(key, int(size), int(most * float(seconds))), seconds=float(seconds), pace=float(pace))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    taken = uvloop.run(run.drive(int(port), int(clients)))
    seen = {
        "seconds": taken,
        "cpu": time.process_time() - began,
        "answers": len(run.waits),
        "statuses": dict(run.statuses),
    }
    print(json.dumps(seen | {"p50": percentile(run.waits, 0.5), "p99": percentile(run.waits, 0.99)}))


if __name__ == "__main__":
    main()
