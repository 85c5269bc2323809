"""An onboarding journey in fast motion: first launch, push, reminder, coupon; a purchase ends it. Everything but the phone is real.

The clock stands still between steps and jumps over the waits; events come in as the door takes them, the refresh moves
them, and the services are those of a worker.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.asgi import create_app
from backend.clock import FixedClock
from backend.push.memory import MemorySender
from backend.services.deliveries import Deliveries
from backend.settings import Settings
from backend.wiring import Services, open_services
from campaigns.campaign import Draft
from campaigns.definition import from_json
from segments.coupon_book import CouponDraft
from tests.api.conftest import client_of, living

MORNING = datetime(2026, 6, 30, 1, tzinfo=UTC)
"""10:00 in Tokyo."""


def words(title: str) -> dict[str, Any]:
    return {"ja": {"title": title, "body": "アプリへようこそ。"}}


ONBOARDING = {
    "name": "Onboarding",
    "trigger": {"kind": "event", "event": "Application Installed"},
    "reentry": {"mode": "never"},
    "holdout_percent": 0,
    "exits_on": {"event": "Order Completed"},
    "steps": [
        {"kind": "send", "content": words("ようこそ")},
        {"kind": "wait_event", "awaited": {"event": "Coupon Viewed"}, "timeout": "P1D", "late": "remind"},
        {"kind": "wait", "time": "P2D"},
        {"kind": "go_to", "to": "gift"},
        {"kind": "send", "label": "remind", "content": words("クーポンをお忘れなく")},
        {"kind": "wait", "time": "P3D"},
        {"kind": "give_coupon", "label": "gift", "coupon_id": "SECOND"},
        {"kind": "wait", "time": "PT1M"},
        {"kind": "split_rule", "rule": {"attribute": "coupons_held", "op": ">=", "value": 1}, "otherwise": "end"},
        {"kind": "send", "content": words("プレゼントが{{ coupons_held | default(0) }}枚です")},
        {"kind": "set_trait", "label": "end", "trait": "onboarded", "value": "yes"},
    ],
}


@dataclass
class Shop:
    """A running shop, its app, and what its phones showed."""

    services: Services
    clock: FixedClock
    app: httpx.AsyncClient
    key: str
    phones: MemorySender
    deliveries: Deliveries

    async def say(self, who: str, event: str, **properties: Any) -> None:
        context = {"device": {"token": f"phone-{who}", "type": "android"}, "timezone": "Asia/Tokyo"}
        told = {"type": "track", "event": event, "userId": who, "messageId": f"{who}-{event}-{self.clock.now()}"}
        body = {**told, "properties": properties, "context": context, "timestamp": self.clock.now().isoformat()}
        answer = await self.app.post("/v1/batch", json={"batch": [body]}, auth=(self.key, ""))
        assert answer.status_code == 200, answer.text

    async def settle(self) -> None:
        """Everything a worker does, until nothing is to be done now."""
        for _ in range(20):
            await self.services.refresh.run_until_current()
            await self.services.memberships.work_until_current()
            await self.services.campaign_runs.launch_due()
            done = await self.services.trigger_feeds.work() + await self.services.journey_runs.work()
            if not done + await self.deliveries.deliver():
                return
        raise AssertionError("never comes to rest")

    async def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        await self.settle()

    def shown(self, who: str) -> list[str]:
        """Titles of what a phone showed."""
        return [message.title for message in self.phones.accepted if message.address == f"phone-{who}"]


@pytest.fixture
async def shop(dsn: str, tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FixedClock(MORNING)
    async with open_services(
        Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake")), clock=clock
    ) as services:
        source = await services.sources.create("till", kind="server")
        server = create_app(services, "intake")  # its door is all that this needs
        async with living(server), client_of(server) as client:
            phones = MemorySender()
            deliveries = Deliveries(services.pool, clock, sender=phones, patience=0)
            yield Shop(services, clock, client, source.write_key, phones, deliveries)


async def begin(shop: Shop, draft: Draft) -> int:
    desk = shop.services.campaign_desk
    made = (await desk.create(draft, by="test")).summary
    await desk.send_now(made.campaign_id, revision=made.revision, by="test")
    await shop.settle()
    return made.campaign_id


async def test_from_the_first_launch_to_the_purchase_that_ends_it(shop: Shop) -> None:
    await shop.services.coupon_book.create(
        CouponDraft(coupon_id="SECOND", title_ja="二杯目半額", audience="issued", valid_days=14), actor="test"
    )
    number = await begin(shop, from_json(ONBOARDING))
    for who in ("sato", "ito", "kato"):
        await shop.say(who, "Consent Changed", purpose="marketing", channel="push", granted=True)
        await shop.say(who, "Application Installed")
    await shop.settle()
    assert [shop.shown(who) for who in ("sato", "ito", "kato")] == [["ようこそ"]] * 3
    await shop.later(hours=2)
    await shop.say("sato", "Coupon Viewed", coupon_id="FIRST")
    await shop.later(hours=22)
    assert [shop.shown(who)[1:] for who in ("sato", "ito", "kato")] == [
        [],
        ["クーポンをお忘れなく"],
        ["クーポンをお忘れなく"],
    ]
    await shop.later(hours=3)
    await shop.say("ito", "Order Completed", order_id="1", total=800, currency="JPY")
    await shop.settle()
    await shop.later(days=4)
    await shop.later(minutes=2)
    assert [shop.shown(who)[2:] for who in ("ito", "kato")] == [[], ["プレゼントが1枚です"]]
    assert shop.shown("sato") == ["ようこそ", "プレゼントが1枚です"]
    found = await shop.services.journey_desk.overview(number)
    assert (found.entered, dict(found.left)) == (3, {"finished": 2, "goal": 1})
    traits = await shop.services.pool.fetch("SELECT user_id, traits ->> 'onboarded' AS said FROM customers ORDER BY 1")
    assert [tuple(row) for row in traits] == [("ito", None), ("kato", "yes"), ("sato", "yes")]
    held = await shop.services.pool.fetch(
        "SELECT user_id FROM event_log WHERE event = 'Coupon Issued' ORDER BY user_id"
    )
    assert [row["user_id"] for row in held] == ["kato", "sato"]
    await shop.say("ito", "Application Installed")
    await shop.settle()
    assert len(shop.shown("ito")) == 2, "nobody is onboarded twice"
