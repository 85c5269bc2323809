"""The worker process: it outlives an outage of the database, ends gracefully, and its rivals share the work."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.clock import SystemClock
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def worker(dsn: str, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`joren worker` on this test's database; killed if the test did not end it."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "JOREN_HOME": str(home), "DATABASE_URL": dsn}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backend.cli", "worker", cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it may end by itself just now
                process.kill()
            await process.wait()


async def until(pool: asyncpg.Pool, question: str) -> None:
    async with asyncio.timeout(100):
        while not await pool.fetchval(question):  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)


async def due_campaign(floor: ShopFloor, name: str) -> None:
    """Nobody is in its segment: launched and ended by a worker that is well."""
    segment = await floor.segment()
    await floor.pool.execute(
        """INSERT INTO segment_versions (segment_id, version, rule, created_at, created_by)
           VALUES ($1, 1, $2, now(), 'test')""",
        segment,
        {"attribute": "orders", "op": ">=", "value": 0},
    )
    made = await floor.campaign(name)
    await floor.pool.execute(
        "UPDATE campaigns SET segment_id = $2 WHERE campaign_id = $1", made.summary.campaign_id, segment
    )
    soon = floor.clock.now() - timedelta(seconds=1)
    await floor.desk.schedule(made.summary.campaign_id, at=soon, revision=made.summary.revision, by="test")


async def test_a_worker_outlives_an_outage_and_ends_gracefully(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    floor = ShopFloor(pool, clock=SystemClock())
    await floor.settings()
    async with worker(dsn, tmp_path) as process:
        await until(pool, "SELECT count(*) FROM worker_heartbeats")
        ended = await pool.fetch(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'joren%'"""
        )
        assert ended, "an outage"
        await due_campaign(floor, "after the outage")
        await until(pool, "SELECT state = 'sent' FROM campaigns")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert await pool.fetchval("SELECT count(*) FROM worker_heartbeats") == 0


async def test_without_a_push_service_the_campaign_pauses_and_loses_nobody(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    floor = ShopFloor(pool, clock=SystemClock())
    await floor.settings()
    await floor.people(5)
    campaign_id = await floor.launched()
    async with worker(dsn, tmp_path):
        await until(pool, "SELECT state = 'paused' FROM campaigns")
        # The other lane may have had some on their way at the pause: they are refused, and planned anew.
        await until(pool, "SELECT NOT EXISTS (SELECT FROM send_attempts)")
    assert (await floor.desk.get(campaign_id)).summary.paused_reason == "credentials"
    assert await floor.states(campaign_id) == {"planned": 5}
