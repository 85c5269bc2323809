"""Cancelling in the middle: what is on its way keeps its outcome, nothing else goes out."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from backend.services.deliveries import Deliveries
from backend.store import campaigns
from backend.store import deliveries as store
from campaigns.delivery import Accepted, Outcome
from campaigns.message import PushMessage
from tests.faults.delivery_process import unfence
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault
CHUNK = 20


class Holding:
    """A push service that answers when told to."""

    def __init__(self) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.sent: list[PushMessage] = []

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        self.sent.extend(messages)
        self.asked.set()
        await self.answer.wait()
        return [Accepted("held") for _ in messages]


class Hesitating(Deliveries):
    """A worker that waits between claim and mark."""

    claimed: asyncio.Event
    go: asyncio.Event

    async def _mark(self, campaign: Any, chunk: Any) -> list[PushMessage]:
        self.claimed.set()
        await self.go.wait()
        return await super()._mark(campaign, chunk)


async def test_what_is_on_its_way_keeps_its_outcome_and_the_rest_is_cancelled(pool: asyncpg.Pool) -> None:
    floor, service = ShopFloor(pool), Holding()
    await floor.settings()
    await floor.people(3 * CHUNK)
    campaign_id = await floor.launched()
    worker = Deliveries(pool, floor.clock, sender=service, chunk=CHUNK)
    sending = asyncio.create_task(worker.deliver())
    await asyncio.wait_for(service.asked.wait(), 60)
    await floor.desk.cancel(campaign_id, by="me")
    service.answer.set()
    await sending
    assert await worker.deliver() == 0
    assert await floor.states(campaign_id) == {"accepted": CHUNK, "cancelled": 2 * CHUNK}
    assert len(service.sent) == CHUNK


async def cancel_between_claim_and_mark(pool: asyncpg.Pool) -> int:
    """Gives how many messages went out although the campaign was cancelled before."""
    floor, service = ShopFloor(pool), Holding()
    await floor.settings()
    await floor.people(CHUNK)
    campaign_id = await floor.launched()
    worker = Hesitating(pool, floor.clock, sender=service, chunk=CHUNK)
    worker.claimed, worker.go = asyncio.Event(), asyncio.Event()
    service.answer.set()
    sending = asyncio.create_task(worker.deliver())
    await asyncio.wait_for(worker.claimed.wait(), 60)
    await floor.desk.cancel(campaign_id, by="me")
    worker.go.set()
    await sending
    return len(service.sent)


async def test_nothing_goes_out_that_was_claimed_but_not_marked(pool: asyncpg.Pool) -> None:
    assert await cancel_between_claim_and_mark(pool) == 0


async def test_the_story_sees_a_missing_check(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SQL", store._SQL)
    monkeypatch.setattr(campaigns, "share", campaigns.share)
    unfence()
    assert await cancel_between_claim_and_mark(pool) == CHUNK
