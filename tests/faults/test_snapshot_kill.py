"""A worker that keeps daily figures is killed with kill -9, and again: the next one completes its day, nothing is there twice.

Every step in turn, and a saboteur, are in `tests/services/test_snapshots.py`; here the process really dies.
"""

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from backend.services.snapshots import FIRST_DAYS
from backend.store import shop
from tests.fixtures import commands
from tests.services.test_snapshots import KPIS, NOW, kept, last_days, segment, whole

pytestmark = pytest.mark.fault

NEVER = 1000


async def run(dsn: str, step: int) -> int:
    return await asyncio.to_thread(commands.module, "tests.faults.snapshot_process", dsn, str(step))


async def killed_at(pool: asyncpg.Pool, dsn: str, steps: Sequence[int]) -> None:
    async with pool.acquire() as connection:
        await shop.put_settings(connection, {"snapshot_kpis": KPIS}, now=NOW, actor="test")
    number = await segment(pool, datetime(2026, 1, 1, tzinfo=UTC))
    for step in steps:
        assert await run(dsn, step) == -signal.SIGKILL
    assert await run(dsn, NEVER) == 0
    assert await kept(pool) == whole(last_days(FIRST_DAYS), [0, number])
    assert await pool.fetchval("SELECT count(*) FROM snapshot_runs WHERE state = 'done'") == FIRST_DAYS


async def test_killed_while_storing_and_run_again(pool: asyncpg.Pool, dsn: str) -> None:
    await killed_at(pool, dsn, [5, 12])


@pytest.mark.prove
@pytest.mark.timeout(900)  # two dozen processes, one after the other
async def test_killed_at_every_step(pool: asyncpg.Pool, dsn: str) -> None:
    await killed_at(pool, dsn, range(1, 24))
