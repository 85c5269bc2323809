"""Several workers at once, and one that wakes up after its lease: the fence holds, each recipient is sent to once."""

import asyncio
import contextlib
import signal
from pathlib import Path

import asyncpg
import pytest

from backend.services.deliveries import Deliveries
from backend.store import deliveries as store
from campaigns.campaign import Policy
from tests.faults.delivery_process import unlock
from tests.faults.workers import CHUNK, PEOPLE, SCALE, Story, story, until_stopped
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault


async def race(tale: Story, sabotage: str = "") -> None:
    """Three processes, each a scheduler and a worker, on one due campaign."""
    assert await asyncio.gather(*(tale.run("", sabotage) for _ in range(3))) == [0, 0, 0]


async def test_three_schedulers_and_three_workers_reach_each_recipient_once(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path, launched=False)
    await race(tale)
    assert len(tale.accepted()) == PEOPLE
    assert tale.doubles() == 0
    assert await pool.fetchval("SELECT count(*) FROM campaign_people") == PEOPLE
    assert await tale.floor.states(tale.campaign_id) == {"accepted": PEOPLE}
    await tale.note("F10 three schedulers and three workers", faults=1)


async def sleep_past_lease(tale: Story, sabotage: str = "") -> None:
    """A worker (in the long form ten) stops between mark and call; another takes over and finishes the campaign; the first wakes up."""
    async with contextlib.AsyncExitStack() as asleep:
        sleepers = [
            await asleep.enter_async_context(tale.worker("stopped_before_call", sabotage)) for _ in range(SCALE)
        ]
        for sleeper in sleepers:
            await until_stopped(sleeper)
        assert await tale.run("") == 0
        for sleeper in sleepers:
            sleeper.send_signal(signal.SIGCONT)
            await asyncio.to_thread(sleeper.wait, 60)


async def test_a_worker_that_wakes_up_after_its_lease_sends_nothing(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path, policy=Policy.SURELY)
    await sleep_past_lease(tale)
    assert len(tale.accepted()) == PEOPLE
    assert tale.doubles() == 0
    await tale.note("F11 a worker wakes up after its lease, policy surely")


async def test_the_story_sees_a_missing_fence(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    tale = await story(pool, dsn, tmp_path, policy=Policy.SURELY)
    await sleep_past_lease(tale, "unfenced")
    assert tale.doubles() > 0


async def test_under_once_a_late_worker_leaves_nobody_unknown_and_doubles_nobody(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    tale = await story(pool, dsn, tmp_path)
    await sleep_past_lease(tale)
    assert tale.doubles() == 0
    late = CHUNK * SCALE
    assert await tale.floor.states(tale.campaign_id) == {"accepted": PEOPLE - late, "cancelled": late}


async def test_the_story_sees_missing_locks(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SQL", store._SQL)
    unlock()
    await pool.execute("ALTER TABLE deliveries DROP CONSTRAINT deliveries_once")
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(PEOPLE)
    await floor.launched()
    workers = [Deliveries(pool, floor.clock, sender=floor.sender, chunk=PEOPLE) for _ in range(4)]
    await asyncio.gather(*(worker.deliver() for worker in workers))
    assert max(floor.sender.attempts().values()) > 1
