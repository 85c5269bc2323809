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
from tests.faults.delivery_process import ignore_states
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


class Hesitating(Deliveries):
    """A worker that waits between hearing that the campaign sends and claiming."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.heard, self.go = asyncio.Event(), asyncio.Event()

    async def _claim(self, *given: Any, **named: Any) -> Any:
        self.heard.set()
        await self.go.wait()
        return await super()._claim(*given, **named)


async def cancel_before_the_claim(pool: asyncpg.Pool) -> int:
    """Gives how many messages went out although the campaign was cancelled before."""
    floor, service = ShopFloor(pool), Holding()
    await floor.settings()
    await floor.people(CHUNK)
    campaign_id = await floor.launched()
    worker = Hesitating(pool, floor.clock, sender=service, chunk=CHUNK)
    service.answer.set()
    sending = asyncio.create_task(worker.deliver())
    await asyncio.wait_for(worker.heard.wait(), 60)
    await floor.desk.cancel(campaign_id, by="me")
    worker.go.set()
    await sending
    return len(service.sent)


async def test_nothing_goes_out_that_was_not_marked_before(pool: asyncpg.Pool) -> None:
    assert await cancel_before_the_claim(pool) == 0


async def test_the_story_sees_a_missing_check(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SQL", dict(store._SQL) | {"cancel_people": "SELECT $1::int, $2::timestamptz"})
    monkeypatch.setattr(campaigns, "share", campaigns.share)
    ignore_states()
    assert await cancel_before_the_claim(pool) == CHUNK
