"""What work takes: seconds on the clock, and CPU seconds of this process and of the database's."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import asyncpg
import psutil


async def server_cpu(pool: asyncpg.Pool) -> float:
    """CPU seconds that the server's processes have taken: what other work on the machine changes least."""
    one = psutil.Process(await pool.fetchval("SELECT pg_backend_pid()"))
    parents = one.parents()[:1]
    return sum(sum(each.cpu_times()[:2]) for parent in parents for each in [parent, *parent.children()])


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock, and of CPU: ours and the server's."""

    clock: float
    ours: float
    servers: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s ({self.ours:.1f} CPU s ours, {self.servers:.1f} the server's)"


async def spending(pool: asyncpg.Pool, work: Awaitable[Any]) -> tuple[Any, Spent]:
    """What came of it, and what it took."""
    clock, ours, servers = time.perf_counter(), time.process_time(), await server_cpu(pool)
    found = await work
    taken = Spent(time.perf_counter() - clock, time.process_time() - ours, await server_cpu(pool) - servers)
    return found, taken
