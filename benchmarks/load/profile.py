"""Where the server's CPU goes: the application under cProfile, asked without a socket, on a real database."""

import asyncio
import cProfile
import pstats
import time
from collections import Counter
from pathlib import Path
from typing import Any

from backend.asgi import create_app
from backend.settings import Settings
from backend.wiring import open_intake
from benchmarks.load.rows import Rows, request_of

AREAS = (
    "segments/",
    "backend/api/",
    "backend/services/",
    "backend/store/",
    "litestar/",
    "asyncpg",
    "msgspec",
    "asyncio/",
)
RUNS = ((100, 200, 8), (1, 4000, 64))
"""Events a request, requests, clients."""


async def profile(dsn: str, folder: Path, key: str) -> None:
    """Print, for batches of 100 and single calls, the areas and the functions that cost most."""
    async with open_intake(Settings(home=folder, database_url=dsn, role="intake")) as services:
        app = create_app(services, "intake")
        async with app.lifespan():
            for size, number, clients in RUNS:
                await _measure(app, key, size, number, clients)


async def _measure(app: Any, key: str, size: int, number: int, clients: int) -> None:
    rows = Rows(time.time_ns())
    bodies = [request_of(rows, key=key, size=size) for _ in range(number)]
    began = time.process_time()
    await _send(app, bodies[: number // 2], clients)
    print(f"batches of {size}: {(time.process_time() - began) / number * 2 / size * 1e6:.1f} CPU µs an event in Python")
    profiler = cProfile.Profile()
    profiler.enable()
    await _send(app, bodies[number // 2 :], clients)
    profiler.disable()
    _print(pstats.Stats(profiler))


async def _send(app: Any, bodies: list[bytes], clients: int) -> None:
    async def client() -> None:
        while bodies:
            await _ask(app, bodies.pop())

    await asyncio.gather(*(client() for _ in range(clients)))


async def _ask(app: Any, request: bytes) -> None:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    path = first.split()[1].decode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(message)

    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
        "extensions": {},
    }
    await app(scope, receive, send)


def _print(stats: pstats.Stats) -> None:
    by_area: Counter[str] = Counter()
    timed: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
    for (file, _, name), (_, _, own, _, _) in timed.items():
        by_area[next((area for area in AREAS if area in file or area in name), "the rest")] += own  # type: ignore[assignment]
    whole = sum(by_area.values())
    print("  " + ", ".join(f"{area.strip('/')} {own / whole:.0%}" for area, own in by_area.most_common()))
    for (file, _, name), (_, calls, own, _, _) in sorted(timed.items(), key=lambda item: -item[1][2])[:20]:
        print(f"  {own / whole:6.1%} {calls:8} {Path(file).name}:{name}")
