"""How many durable events a second does the intake take over HTTP, against what this machine's disk and server can do?

In one run, on one machine, with load generator and database on the same cores: COPY of the same rows without HTTP, a
read-only endpoint of the same server, and batches of 1, 20 and 100 events. Every figure is also given as a share of
the COPY or of the read-only requests, because shares travel between machines and rates do not.

    python benchmarks/intake.py [seconds per measurement, default 5]
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.services.sources import Sources
from backend.store import events as store
from backend.store.pool import open_pool
from backend.store.schema import migrate
from segments.envelope import Event
from segments.intake import Reception, read_event
from tests.fixtures.intake_server import IntakeServer

CLIENTS = 32
LIMIT = 0.02
"""Batches of 100 must store at least this share of what bare COPY stores; less means that something broke."""

_numbers = itertools.count()


def make_event() -> dict[str, Any]:
    """An event of the size that a store app sends."""
    number = next(_numbers)
    return {
        "type": "track",
        "event": "Coupon Viewed",
        "messageId": f"benchmark-{number:012d}",
        "userId": f"member-{number % 20_000}",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"coupon_id": f"c-{number % 50}", "store_id": f"s-{number % 40}"},
        "context": {
            "app": {"name": "Store", "version": "3.2.1", "build": "512"},
            "device": {"id": f"device-{number % 20_000}", "type": "ios", "model": "iPhone17,1"},
            "os": {"name": "iOS", "version": "20.1"},
            "library": {"name": "analytics-swift", "version": "1.9.4"},
            "locale": "ja-JP",
            "timezone": "Asia/Tokyo",
        },
    }


class Connection:
    """The least HTTP client that can be written, so that the load generator takes as little of the cores as it may."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to this machine's port."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Send one request and read its answer.

        Raises:
            RuntimeError: the answer is not 200.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace"))
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)


def batch_request(port: int, key: str, size: int) -> bytes:
    body = json.dumps({"batch": [make_event() for _ in range(size)], "writeKey": key}).encode()
    head = f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def measure(port: int, seconds: float, request: Callable[[], bytes]) -> float:
    """Requests a second with `CLIENTS` connections."""
    done = 0
    end = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal done
        connection = await Connection.open(port)
        while time.perf_counter() < end:
            await connection.ask(request())
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return done / (time.perf_counter() - started)


async def measure_copy(pool: asyncpg.Pool, seconds: float, rows: int) -> float:
    """Rows a second by COPY alone into the log, ``rows`` to a transaction, on one connection."""
    reception = Reception(source_id=1, trusted=True, received_at=datetime.now(UTC))
    read = [read_event(msgspec.json.encode(make_event()), reception) for _ in range(rows)]
    records = [
        store._record(event, reception.received_at.date(), reception.received_at)  # noqa: SLF001 - the same rows
        for event in read
        if isinstance(event, Event)
    ]
    done, end = 0, time.perf_counter() + seconds
    started = time.perf_counter()
    async with pool.acquire() as connection:
        while time.perf_counter() < end:
            await connection.copy_records_to_table("event_log", columns=store._COLUMNS, records=records)  # noqa: SLF001
            done += rows
    return done / (time.perf_counter() - started)


async def run(seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "home").hold() as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn)
        key = (await Sources(pool, SystemClock()).create("benchmark")).write_key
        server = IntakeServer(dsn, Path(folder))
        await asyncio.to_thread(server.start)
        try:
            return await report(pool, int(server.url.rpartition(":")[2]), key, seconds)
        finally:
            server.kill()
            await pool.close()


async def report(pool: asyncpg.Pool, port: int, key: str, seconds: float) -> bool:
    copied = await measure_copy(pool, seconds, 1000)
    print(f"COPY alone, 1,000 rows a commit   {copied:10,.0f} rows/s")
    get = f"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    asked = await measure(port, seconds, lambda: get)
    print(f"read-only endpoint                {asked:10,.0f} requests/s")
    share = 0.0
    for size in (1, 20, 100):
        prepared = _prepare(port, key, size, seconds)
        rate = await measure(port, seconds, prepared)
        events, share = rate * size, rate * size / copied
        print(
            f"batches of {size:3}                    {events:10,.0f} events/s durable, {rate:8,.0f} requests/s, "
            f"{share:6.1%} of COPY, {rate / asked:6.1%} of read-only requests"
        )
    stored = await pool.fetchval("SELECT count(*) FROM event_ids")
    print(f"stored {stored:,} events; batches of 100 reach {share:.1%} of COPY (limit {LIMIT:.0%})")
    return share >= LIMIT


def _prepare(port: int, key: str, size: int, seconds: float) -> Callable[[], bytes]:
    """Requests made before the clock starts; more are made on the way when they do not last."""
    ready = [batch_request(port, key, size) for _ in range(int(seconds * (2500 if size == 1 else 30_000 / size)))]

    def take() -> bytes:
        return ready.pop() if ready else batch_request(port, key, size)

    return take


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    if not asyncio.run(run(seconds)):
        sys.exit("the intake stores less than its limit")


if __name__ == "__main__":
    main()
