"""Who keeps everybody's standing is killed with kill -9 at each step, and again: what is read is never wrong, before or after."""

import asyncio
import signal

import asyncpg
import pytest

from tests.fixtures import commands
from tests.store.test_kept_standing import CHANGES, STEPS, assert_same, filled, keeper

pytestmark = pytest.mark.fault


async def run(dsn: str, step: str) -> int:
    return await asyncio.to_thread(commands.module, "tests.faults.standing_process", dsn, step)


async def test_killed_at_every_step(pool: asyncpg.Pool, dsn: str) -> None:
    await filled(pool, 1)
    assert await run(dsn, "written") == -signal.SIGKILL
    assert await pool.fetchval("SELECT count(*) FROM standing_blocks") == 0
    await assert_same(pool)
    await keeper(pool).work_until_current()
    for place, step in enumerate(STEPS):
        for change in CHANGES:
            await pool.execute(change, 40 + place)
        assert await run(dsn, step) == -signal.SIGKILL
        await assert_same(pool)
    assert await run(dsn, "never") == 0
    assert await pool.fetchval("SELECT count(*) FROM standing_changes") == 0
    await assert_same(pool)
