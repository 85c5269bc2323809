"""A worker is killed with SIGKILL while it gives coupons out or writes expiries down: everybody gets each once.

Each story also runs with a saboteur, to show that the test would see the fault.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.fixtures import commands
from tests.services.refreshing import Shop
from tests.services.test_coupons import Counter as Desk

pytestmark = pytest.mark.fault
KILLED = -9
PEOPLE = 11


@dataclass
class Story:
    """A shop, its coupon, and the processes that work on it."""

    desk: Desk
    dsn: str
    home: Path

    async def run(self, fate: str = "", sabotage: str = "") -> int:
        """One worker until its end; gives its exit status."""
        given = (self.dsn, str(self.home), self.desk.shop.clock.now().isoformat(), fate, sabotage)
        return await asyncio.to_thread(commands.module, "tests.faults.coupon_process", *given)

    async def told(self, event: str) -> Counter[str]:
        """How often the event was written for each member."""
        rows = await self.desk.shop.pool.fetch("SELECT user_id FROM event_log WHERE event = $1", event)
        return Counter(row["user_id"] for row in rows)


@pytest.fixture
async def story(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> Story:
    """Everybody waits for a coupon that is valid for a day; the worker has looked before."""
    desk = Desk(Shop(pool, tmp_path))
    await desk.people(PEOPLE)
    await desk.turn_day(0)
    await desk.define(valid_days=1)
    await desk.issues.to_segment("tea", 1, actor="test")
    return Story(desk, dsn, tmp_path)


@pytest.mark.parametrize("moment", ["uncommitted", pytest.param("committed", marks=pytest.mark.prove)])
async def test_a_killed_worker_leaves_nobody_out_and_gives_nobody_two(story: Story, moment: str) -> None:
    assert await story.run(f"issue-{moment}") == KILLED
    assert 0 < (await story.told("Coupon Issued")).total() < PEOPLE
    assert await story.run() == 0
    assert set((await story.told("Coupon Issued")).values()) == {1}
    assert (await story.told("Coupon Issued")).total() == PEOPLE


@pytest.mark.parametrize("moment", [pytest.param("uncommitted", marks=pytest.mark.prove), "committed"])
async def test_a_killed_worker_lets_each_coupon_expire_once(story: Story, moment: str) -> None:
    assert await story.run() == 0
    await story.desk.shop.refresh.run_once()
    story.desk.shop.pass_time(timedelta(days=2))
    await story.desk.shop.refresh.run_once()
    assert await story.run(f"expire-{moment}") == KILLED
    assert 0 < (await story.told("Coupon Expired")).total() < PEOPLE
    assert await story.run() == 0
    await story.desk.shop.refresh.run_once()
    assert await story.run() == 0
    expired = await story.told("Coupon Expired")
    assert (expired.total(), set(expired.values())) == (PEOPLE, {1})


async def test_the_story_sees_people_who_were_taken_before_they_got_anything(story: Story) -> None:
    assert await story.run("issue-uncommitted", "taken_apart") == KILLED
    assert await story.run() == 0
    assert (await story.told("Coupon Issued")).total() < PEOPLE


async def test_the_story_sees_expiries_that_are_not_known_again(story: Story) -> None:
    assert await story.run() == 0
    await story.desk.shop.refresh.run_once()
    story.desk.shop.pass_time(timedelta(days=2))
    await story.desk.shop.refresh.run_once()
    assert await story.run("expire-committed", "new_ids") == KILLED
    assert await story.run("", "new_ids") == 0
    assert (await story.told("Coupon Expired")).total() > PEOPLE
