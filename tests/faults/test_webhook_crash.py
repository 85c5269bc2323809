"""A worker is killed with SIGKILL before or after a webhook's call: every message arrives, and a repeat has the same id.

Each story also runs with a saboteur, to show that the test would see the fault.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from backend.clock import SystemClock
from backend.outbound.client import Caller
from backend.services.webhooks.endpoints import Webhooks
from backend.store import webhooks as store
from campaigns.notices import Notice, NoticeType
from tests.fixtures import commands
from tests.outbound.receiver import Receiver, receiving

pytestmark = pytest.mark.fault
KILLED = -9
MESSAGES = 12


@dataclass
class Story:
    """Messages in the outbox for one receiver, and the processes that send them."""

    dsn: str
    folder: Path
    receiver: Receiver
    messages: list[str]

    async def run(self, fate: str = "", sabotage: str = "") -> int:
        """One worker until its end; gives its exit status."""
        given = (self.dsn, str(self.folder / "ca.pem"), self.receiver.place, fate, sabotage)
        return await asyncio.to_thread(commands.module, "tests.faults.webhook_process", *given)

    @property
    def arrived(self) -> Counter[str]:
        """How often each id arrived."""
        return Counter(one.headers["webhook-id"] for one in self.receiver.received)


@pytest.fixture
async def story(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> AsyncIterator[Story]:
    async with receiving(tmp_path) as receiver:
        clock = SystemClock()
        webhooks = Webhooks(pool, clock, rules=Caller(allowed=[receiver.place]))
        await webhooks.add(receiver.url, types=[NoticeType.EXPORT_FINISHED], by="test")
        async with pool.acquire() as connection, connection.transaction():
            for number in range(MESSAGES):
                await store.publish(connection, Notice(NoticeType.EXPORT_FINISHED, clock.now(), {"export_id": number}))
        ids = [row["message_id"] for row in await pool.fetch("SELECT message_id FROM webhook_messages")]
        yield Story(dsn, tmp_path, receiver, ids)


@pytest.mark.parametrize("fate", ["killed_before_call", "killed_after_answer"])
async def test_a_killed_worker_loses_no_message_and_repeats_under_the_same_id(story: Story, fate: str) -> None:
    assert await story.run(fate) == KILLED
    assert await story.run() == 0
    assert set(story.arrived) == set(story.messages)
    bodies = {(one.headers["webhook-id"], one.body) for one in story.receiver.received}
    assert len(bodies) == MESSAGES
    assert (story.arrived.total() > MESSAGES) == (fate == "killed_after_answer"), "only there something repeats"


async def test_the_story_sees_messages_that_count_as_sent_too_early(story: Story) -> None:
    assert await story.run("killed_before_call", "settled_early") == KILLED
    assert await story.run() == 0
    assert set(story.arrived) < set(story.messages)


async def test_the_story_sees_a_repeat_under_another_id(story: Story) -> None:
    assert await story.run("killed_after_answer", "new_ids") == KILLED
    assert await story.run("", "new_ids") == 0
    assert len(story.arrived) > MESSAGES
