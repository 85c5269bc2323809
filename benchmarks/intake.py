"""How many durable events a second does the intake take over HTTP, against what this machine's disk and server can do?

In one run, on one machine, with the load generator (a process of its own) and the database on the same cores: COPY of
the same rows without HTTP, an endpoint of the same server that only reads the body, and batches of 1, 20 and 100
events, each at full speed and at half of it. Rates are given as shares of COPY and of the read-only endpoint, because
shares travel between machines; CPU per event, apart for server and PostgreSQL, travels even from a busy machine.

    python benchmarks/intake.py [--seconds 5] [--ids 2000000] [--workers 1] [--clients 64] [--home FOLDER] [--profile]

`--ids` ids lie in the dedupe table before it starts (20000000 for the size of the promise; `--home` keeps the folder,
so that filling it is paid once). `--profile` shows where the server's CPU goes instead.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.services.sources import Sources
from backend.store.log_copy import COLUMNS
from backend.store.pool import open_pool
from backend.store.schema import migrate
from benchmarks.load.profile import profile
from benchmarks.load.rows import Rows
from benchmarks.load.server import Answered, Server, ask
from segments.envelope import Event
from segments.intake import Reception, read_event

LIMIT = 0.1
"""Batches of 100 must store at least this share of what bare COPY stores; less means that something broke."""
MEMORY = 200
"""MiB that an intake process may have resident under load."""


async def fill(pool: asyncpg.Pool, wanted: int) -> None:
    """Have so many ids in the dedupe table, of the last 30 days; as after a restart, nothing of it in dirty pages."""
    there = await pool.fetchval("SELECT count(*) FROM event_ids")
    if there < wanted:
        # The index is made afterwards: filled row by row with random ids, 20 million take an hour instead of a minute.
        await pool.execute("ALTER TABLE event_ids DROP CONSTRAINT event_ids_pkey")
        await pool.execute(
            """INSERT INTO event_ids (event_id, source_id, received_day)
            SELECT gen_random_uuid(), 1, current_date - 29 + (28 * n / $1)::int FROM generate_series($2::bigint, $1) AS n""",
            wanted,
            there + 1,
            timeout=3600,
        )
        await pool.execute("ALTER TABLE event_ids ADD PRIMARY KEY (event_id)", timeout=3600)
        await pool.execute("VACUUM ANALYZE event_ids", timeout=3600)
    await pool.execute("CHECKPOINT", timeout=600)


def copied_records(number: int) -> list[tuple[object, ...]]:
    """The rows that the same events become."""
    rows, reception = Rows(2), Reception(source_id=1, trusted=True, received_at=datetime.now(UTC))
    read = (read_event(rows.event(), reception) for _ in range(number))
    at = reception.received_at
    shared = {"received_day": at.date(), "received_at": at}
    return [
        tuple(shared.get(column) or getattr(event, column) for column in COLUMNS)
        for event in read
        if isinstance(event, Event)
    ]


async def measure_copy(pool: asyncpg.Pool, seconds: float) -> float:
    """Rows a second by COPY alone into the log, 1,000 to a transaction, on one connection."""
    records = copied_records(1000)
    done, end, started = 0, time.perf_counter() + seconds, time.perf_counter()
    async with pool.acquire() as connection:
        while time.perf_counter() < end:
            await connection.copy_records_to_table("event_log", columns=COLUMNS, records=records)
            done += len(records)
    return done / (time.perf_counter() - started)


async def report(pool: asyncpg.Pool, server: Server, key: str, options: argparse.Namespace) -> bool:
    """Measure and print; says whether the limits hold."""
    await measure(server, key, 1, options, quiet=True)
    share = 0.0
    for size in (1, 20, 100):
        # Right before each measurement: the machine may be busier a minute later.
        copied = await measure_copy(pool, options.seconds / 2)
        print(f"COPY alone, 1,000 rows a commit {copied:10,.0f} rows/s", flush=True)
        read_only = (await measure(server, key, 0, options)).rate
        full = await measure(server, key, size, options)
        share = full.rate * size / copied
        print(f"    {share:6.1%} of COPY, {full.rate / read_only:6.1%} of read-only requests")
        await measure(server, key, size, options, pace=full.rate / 2)
    ids = await pool.fetchval("SELECT count(*) FROM event_ids")
    print(f"{ids:,} ids at the end; the server's largest process had {server.peak} MiB resident (limit {MEMORY})")
    return share >= LIMIT and server.peak <= MEMORY


async def measure(
    server: Server, key: str, size: int, options: argparse.Namespace, *, pace: float = 0, quiet: bool = False
) -> Answered:
    """One measurement, printed."""
    seen = await ask(server, key=key, size=size, seconds=options.seconds, clients=options.clients, pace=pace)
    if not quiet:
        what = "read-only endpoint " if size == 0 else f"batches of {size:3}    "
        rows = f"{seen.rate * size:9,.0f} events/s" if size else " " * 18
        cost = f"CPU µs an event: server {seen.server:5.1f}, PostgreSQL {seen.database:5.1f}, client {seen.client:5.1f}"
        waits = f"p50 {seen.p50 * 1000:6.1f} ms, p99 {seen.p99 * 1000:6.1f} ms"
        at = "at half " if pace else "in full "
        print(f"{what}{at} {seen.rate:7,.0f} requests/s {rows}, {waits}, {cost}", flush=True)
    return seen


@contextlib.contextmanager
def folder_of(home: Path | None) -> Iterator[Path]:
    """The given folder, or one that goes with us."""
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
        yield home
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def run(folder: Path, dsn: str, options: argparse.Namespace) -> bool:
    """Everything on a database that is up."""
    await migrate(dsn)
    pool = await open_pool(dsn)
    try:
        key = (await Sources(pool, SystemClock()).create(f"benchmark {time.time_ns()}")).write_key
        await fill(pool, options.ids)
        if options.profile:
            await profile(dsn, folder, key)
            return True
        with Server(folder, dsn, workers=options.workers) as server:
            return await report(pool, server, key, options)
    finally:
        await pool.close()


def main() -> None:
    """Read the options, start PostgreSQL, measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--ids", type=int, default=2_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    with folder_of(options.home) as folder, EmbeddedPostgres(folder / "home").hold() as dsn:
        if not uvloop.run(run(folder, dsn, options)):
            sys.exit("the intake stores less, or needs more memory, than its limit")


if __name__ == "__main__":
    main()
