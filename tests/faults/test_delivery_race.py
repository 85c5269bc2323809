"""Several workers at once, and one that wakes up after its lease: the fence holds, each recipient is sent to once."""

import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.faults.workers import PEOPLE, Story, story, until_stopped

pytestmark = pytest.mark.fault


async def race(tale: Story) -> None:
    """Two processes, each a scheduler and a worker, on one due campaign."""
    assert await asyncio.gather(tale.run(""), tale.run("")) == [0, 0]


async def test_two_schedulers_and_two_workers_reach_each_recipient_once(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path, launched=False)
    await race(tale)
    assert len(tale.accepted()) == PEOPLE
    assert tale.doubles() == 0
    assert await pool.fetchval("SELECT count(*) FROM campaign_people") == PEOPLE
    assert await tale.floor.states(tale.campaign_id) == {"accepted": PEOPLE}


async def sleep_past_lease(tale: Story, sabotage: str = "") -> None:
    """A worker stops between claim and mark; another finishes the campaign; the first wakes up."""
    async with tale.worker("stopped_before_mark", sabotage) as sleeper:
        await until_stopped(sleeper)
        assert await tale.run("") == 0
        sleeper.send_signal(signal.SIGCONT)
        await asyncio.wait_for(sleeper.wait(), 60)


async def test_a_worker_that_wakes_up_after_its_lease_sends_nothing(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    await sleep_past_lease(tale)
    assert len(tale.accepted()) == PEOPLE
    assert tale.doubles() == 0


async def test_the_story_sees_a_missing_fence(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path)
    await sleep_past_lease(tale, "unfenced")
    assert tale.doubles() > 0
