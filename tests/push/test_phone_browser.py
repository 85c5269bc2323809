"""A person uses the phone page in Chromium, in Japanese and in English; the intake sees what he did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar, Request, post
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from playwright.async_api import Browser, Page, expect

from backend.demo.phone.pages import phone_routes
from backend.push.emulator.emulator import Emulator
from backend.push.emulator.listener import listening
from backend.push.emulator.server import Running, running
from backend.push.firebase import FirebaseSender
from backend.push.routes import emulator_route
from campaigns.delivery import Accepted
from tests.fixtures.phone_shop import write_phone_json
from tests.fixtures.phones import push

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS: dict[str, dict[str, str]] = {
    "ja": {
        "open": "アプリを開く",
        "coupon": "コーヒー 100円引きを見る",
        "present": "お会計で提示する",
        "redeem": "利用済みにする",
        "add": "カートに入れる",
        "home": "ホーム",
        "coupons": "クーポン",
        "consent": "お得な情報を通知で受け取る",
        "card": "会員証",
    },
    "en": {
        "open": "Open the app",
        "coupon": "See ¥100 off coffee",
        "present": "Show at the till",
        "redeem": "Mark as used",
        "add": "Add to order",
        "home": "Home",
        "coupons": "Coupons",
        "consent": "Offers by push",
        "card": "Card",
    },
}


@dataclass
class Intake:
    """Everything that was sent, by the key that it came with."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if (event.get("event") or event["type"]) == name]


@pytest_asyncio.fixture(loop_scope="session")
async def intake() -> AsyncIterator[Intake]:
    intake = Intake()

    @post("/v1/batch", status_code=200)
    async def batch(request: Request[None, None, State]) -> dict[str, bool]:
        sent = await request.json()
        intake.events.extend({**event, "key": sent.get("writeKey", "server")} for event in sent["batch"])
        return {"success": True}

    app = Litestar([batch], cors_config=CORSConfig(allow_origins=["*"]), openapi_config=None, logging_config=None)
    async with listening(app, host="127.0.0.1", port=0) as port:
        intake.url = f"http://127.0.0.1:{port}"
        yield intake


@pytest_asyncio.fixture(loop_scope="session")
async def phone(tmp_path: Path, intake: Intake) -> AsyncIterator[Running]:
    routes = phone_routes(write_phone_json(tmp_path / "demo" / "phone.json", intake.url))
    async with running(tmp_path / "emulator", routes=routes) as server:
        yield server


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width"), [("ja", 1280), ("en", 390)])
async def test_launch_coupon_purchase_push_and_tap(
    phone: Running, chromium: Browser, intake: Intake, language: str, width: int
) -> None:
    words = WORDS[language]
    complaints: list[str] = []
    page = await chromium.new_page(viewport={"width": width, "height": 844})
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{phone.control_url}/phone/a?lang={language}")
    await expect(row(page, "identify").first).to_be_visible()

    await page.get_by_role("button", name=words["open"]).click()
    await use_coupon(page, words)
    await buy(page, words)
    await withdraw_consent(page, words)
    await receive_and_tap(page, phone, words)

    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await expect(page.locator(".status.waiting")).to_have_count(0)

    assert complaints == []
    assert_events(intake)


async def use_coupon(page: Page, words: dict[str, str]) -> None:
    await page.get_by_role("navigation").get_by_role("button", name=words["coupons"]).click()
    await page.get_by_role("button", name=words["coupon"]).click()
    await page.get_by_role("button", name=words["present"]).click()
    await page.get_by_role("button", name=words["redeem"]).click()
    await expect(row(page, "Coupon Redeemed")).to_have_attribute("data-status", "200")


async def buy(page: Page, words: dict[str, str]) -> None:
    await page.get_by_role("navigation").get_by_role("button", name=words["home"]).click()
    await page.locator('[data-key="product-P014"]').click()
    await page.get_by_role("button", name=words["add"]).click()
    await page.locator('[data-key="cart"]').click()
    await page.locator('[data-key="pay"]').click()
    await expect(row(page, "Order Completed")).to_have_attribute("data-status", "200")


async def withdraw_consent(page: Page, words: dict[str, str]) -> None:
    await page.get_by_role("navigation").get_by_role("button", name=words["card"]).click()
    await page.get_by_role("switch", name=words["consent"]).click()
    await expect(row(page, "Consent Changed")).to_have_attribute("data-status", "200")


async def receive_and_tap(page: Page, phone: Running, words: dict[str, str]) -> None:
    address = await page.evaluate("JSON.parse(localStorage['joren.phone.a']).address")
    await page.locator('[data-key="to-lock"]').click()
    sender = FirebaseSender(emulator_route(phone.url, phone.ca_file), lanes=1)
    [outcome] = await sender.send([push(address, delivery_id=42, link="app://coupons", title="今週の焼き菓子")])
    await sender.aclose()
    assert isinstance(outcome, Accepted)
    await page.get_by_role("button", name="今週の焼き菓子").click()
    await expect(page.get_by_role("heading", name=words["coupons"], level=1)).to_be_visible()
    await expect(row(page, "Push Notification Tapped")).to_have_attribute("data-status", "200")
    assert received_once(phone.emulator, address)


def row(page: Page, event: str) -> Any:
    return page.locator(f'.log [data-event="{event}"]')


def received_once(emulator: Emulator, address: str) -> bool:
    device = emulator.device(address)
    return device is not None and (device.attempts, device.accepted) == (1, 1)


def assert_events(intake: Intake) -> None:
    weighty = ("Order Completed", "Coupon Redeemed", "Consent Changed", "Points Earned")
    assert {event["key"] for name in weighty for event in intake.named(name)} == {"server"}
    own = (
        "Application Installed",
        "Application Opened",
        "Coupon Viewed",
        "Coupon Presented",
        "Push Notification Received",
    )
    assert {event["key"] for name in own for event in intake.named(name)} == {"wk_public"}
    [tapped] = intake.named("Push Notification Tapped")
    assert tapped["properties"] == {"campaign_id": 7, "delivery_id": 42, "action": "open"}
    assert tapped["userId"] == "M000123"
    assert tapped["context"]["device"]["token"]
    assert len({event["messageId"] for event in intake.events}) == len(intake.events)
    proof, public = intake.named("identify")
    assert (proof["key"], public["key"]) == ("server", "wk_public")
    assert proof["anonymousId"] == public["anonymousId"]
    [consent] = intake.named("Consent Changed")
    assert consent["properties"]["granted"] is False
