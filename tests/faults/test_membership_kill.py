"""Who keeps memberships is killed with kill -9, and again: nobody is lost on the way, and nothing is told twice.

Every step in turn, and a saboteur, are in `tests/services/test_memberships.py`; here the process really dies.
"""

import asyncio
import signal
from collections.abc import Sequence

import asyncpg
import pytest

from tests.fixtures import commands
from tests.services.keeping import Floor
from tests.services.test_memberships import STEPS, disturbed, expected, first_customers

pytestmark = pytest.mark.fault

NEVER = 1000


async def run(dsn: str, step: int) -> int:
    return await asyncio.to_thread(commands.module, "tests.faults.membership_process", dsn, str(step))


async def killed_at(pool: asyncpg.Pool, dsn: str, steps: Sequence[int]) -> None:
    floor = Floor(pool)
    await first_customers(floor)
    segments = await disturbed(floor)
    for step in steps:
        assert await run(dsn, step) == -signal.SIGKILL
    assert await run(dsn, NEVER) == 0
    await expected(floor, segments)


async def test_killed_while_writing_and_run_again(pool: asyncpg.Pool, dsn: str) -> None:
    await killed_at(pool, dsn, [STEPS.index("changes") + 1, STEPS.index("written") + 1])


@pytest.mark.prove
@pytest.mark.timeout(900)  # a dozen processes, one after the other
async def test_killed_at_every_step(pool: asyncpg.Pool, dsn: str) -> None:
    await killed_at(pool, dsn, range(1, len(STEPS) + 1))
