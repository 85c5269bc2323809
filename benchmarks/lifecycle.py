"""Do the intake's tables stay as small as what they hold? Weeks of days in fast motion, with the workers' own housekeeping.

Each simulated day brings its events through the intake's own door (a tenth of them repeated), the refresh's mark that
they are in the lake, a fold of the counts every simulated hour, the drop of the day that left the window, and the
sweep of its ids; autovacuum does what it does on any server, only looked after every second instead of every minute.
After the window is full twice, sizes are held against those of a table with the same rows, made anew.

    python benchmarks/lifecycle.py [events a day, default 6000] [days in the window, default 10]
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import FixedClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.services.retention import Retention
from backend.store import events as store
from backend.store.pool import open_pool
from backend.store.schema import migrate
from benchmarks.load.rows import Rows
from segments.envelope import Event
from segments.intake import Reception, read_event

START = datetime(2026, 4, 1, 12, tzinfo=UTC)
GROUP = 250
LIMIT = 1.6
"""Times the size of the same rows made anew: ids in random order leave a B-tree a third empty, and vacuum comes at a twentieth."""
TABLES = ("event_ids", "event_ids_pkey", "event_counts")


async def live_a_day(pool: asyncpg.Pool, clock: FixedClock, rows: Rows, number: int) -> None:
    """What came in on one day, and the refresh's mark."""
    now = clock.now()
    reception = Reception(source_id=1, trusted=False, received_at=now)
    async with pool.acquire() as connection:
        await store.ensure_partitions(connection, first=now.date(), days=2)
        for _ in range(number // GROUP):
            read = [read_event(rows.event(), reception) for _ in range(GROUP * 9 // 10)]
            events = [event for event in read if isinstance(event, Event)]
            async with connection.transaction():
                await store.append(connection, [*events, *events[: GROUP // 10]], received_at=now)
        for _ in range(24):
            await store.fold_counts(connection)
        await connection.execute(
            """INSERT INTO refresh_batches (batch, after_seq, upto_seq, planned_at, done_at)
            SELECT coalesce(max(batch), 0) + 1, coalesce(max(upto_seq), 0), (SELECT max(seq) FROM event_log), $1, $1
            FROM refresh_batches""",
            now,
        )


async def keep_house(retention: Retention) -> int:
    """What workers do in the night; gives how many ids went."""
    await retention.drop_old_days()
    gone = 0
    while done := await retention.forget_ids():
        gone += done
    return gone + await retention.forget_ids()


async def sizes(pool: asyncpg.Pool) -> dict[str, int]:
    """Bytes of each table and index."""
    return {name: await pool.fetchval("SELECT pg_relation_size($1::regclass)", name) for name in TABLES}


async def fresh_sizes(pool: asyncpg.Pool) -> dict[str, int]:
    """Bytes of the same rows in tables made anew; the index filled in random order, as it was the first time."""
    async with pool.acquire() as connection:
        await connection.execute(
            """CREATE TABLE fresh_ids (LIKE event_ids INCLUDING ALL);
            INSERT INTO fresh_ids SELECT * FROM event_ids ORDER BY random();
            CREATE TABLE fresh_counts AS SELECT * FROM event_counts"""
        )
    names = ("fresh_ids", "fresh_ids_pkey", "fresh_counts")
    found = [await pool.fetchval("SELECT pg_relation_size($1::regclass)", name) for name in names]
    return dict(zip(TABLES, found, strict=True))


async def run(dsn: str, number: int, window: int) -> bool:
    """Two windows and a half; prints and says whether the limit holds."""
    await migrate(dsn)
    pool = await open_pool(dsn)
    clock, rows = FixedClock(START), Rows(3)
    retention = Retention(pool, clock, keep_log=timedelta(days=window), keep_ids=timedelta(days=window))
    started = time.perf_counter()
    for day in range(window * 5 // 2):
        await live_a_day(pool, clock, rows, number)
        clock.advance(timedelta(days=1))
        gone = await keep_house(retention)
        await asyncio.sleep(1.2)
        if day % 5 == 0:
            dead = await pool.fetchval("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'event_ids'")
            print(f"day {day:3}: {gone:8,} ids went, {dead:8,} dead, {await sizes(pool)}", flush=True)
    good = await report(pool, window)
    print(f"{time.perf_counter() - started:.0f} s")
    await pool.close()
    return good


async def report(pool: asyncpg.Pool, window: int) -> bool:
    """Sizes at the end beside those of the same rows made anew."""
    partitions = await pool.fetchval("SELECT count(*) FROM pg_inherits WHERE inhparent = 'event_log'::regclass")
    dropped = await pool.fetchrow("SELECT count(*) AS days, sum(events) AS events FROM dropped_days")
    print(f"{dropped['days']} days with {dropped['events']:,} events dropped, {partitions} partitions left")
    good = partitions <= window + 4
    now, fresh = await sizes(pool), await fresh_sizes(pool)
    for name in TABLES:
        times = now[name] / max(fresh[name], 1)
        good &= times <= LIMIT or now[name] < 1 << 20
        print(
            f"{name:16} {now[name] / 2**20:8.1f} MiB, made anew {fresh[name] / 2**20:8.1f} MiB: {times:4.2f} times (limit {LIMIT})"
        )
    return good


async def look_often(dsn: str) -> None:
    """Let autovacuum look every second: a day here takes seconds."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def main() -> None:
    """Start PostgreSQL and live."""
    number, window = (int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((1, 6000), (2, 10)))
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "home").hold() as dsn:
        asyncio.run(look_often(dsn))
        if not asyncio.run(run(dsn, number, window)):
            sys.exit("a table is larger than what it holds")


if __name__ == "__main__":
    main()
