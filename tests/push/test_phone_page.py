"""The phone page: what reaches the browser, what never does, and what the shop server reports."""

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, post
from litestar.datastructures import State

from backend.clock import FixedClock
from backend.demo.phone.pages import phone_routes
from backend.push.emulator.listener import listening
from backend.push.emulator.server import Running, running
from segments.events import BY_NAME
from tests.fixtures.phone_shop import write_phone_json

ASSETS = Path(__file__).parents[2] / "backend/demo/phone/assets"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PERSON = {"anonymous_id": "anon-1", "user_id": "M000123", "device": {"id": "dev-1", "token": "cAddress", "type": "ios"}}


@dataclass
class Intake:
    """An intake that takes everything, or answers with another status."""

    url: str = ""
    status: int = 200
    keys: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
async def intake() -> AsyncIterator[Intake]:
    intake = Intake()

    @post("/v1/batch")
    async def batch(request: Request[None, None, State]) -> Response[dict[str, bool]]:
        scheme, _, value = request.headers["authorization"].partition(" ")
        assert scheme == "Basic"
        intake.keys.append(base64.b64decode(value).decode())
        intake.events.extend((await request.json())["batch"])
        return Response({"success": intake.status == 200}, status_code=intake.status)

    app = Litestar([batch], openapi_config=None, logging_config=None)
    async with listening(app, host="127.0.0.1", port=0) as port:
        intake.url = f"http://127.0.0.1:{port}"
        yield intake


@pytest.fixture
async def phone_server(tmp_path: Path, intake: Intake) -> AsyncIterator[Running]:
    config = write_phone_json(tmp_path / "demo" / "phone.json", intake.url)
    routes = phone_routes(config, clock=FixedClock(NOW))
    async with running(tmp_path / "emulator", routes=routes) as server:
        yield server


@pytest.fixture
async def browser(phone_server: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=phone_server.control_url) as client:
        yield client


async def test_the_page_is_its_own_and_may_talk_to_the_intake_only(browser: httpx.AsyncClient, intake: Intake) -> None:
    page = await browser.get("/phone/a")

    policy = page.headers["content-security-policy"]
    assert f"connect-src 'self' {intake.url};" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy.replace(intake.url, "")
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert (await browser.get(address)).status_code == 200


async def test_the_server_key_never_reaches_the_browser(browser: httpx.AsyncClient) -> None:
    config = await browser.get("/phone/a/config.json")

    assert config.json()["app_write_key"] == "wk_public"
    assert config.json()["phone"] == {"member": "M000123", "os": "iOS"}
    assert "sk_secret" not in config.text
    assert set(BY_NAME) <= set(config.json()["events"])


async def test_any_slot_opens_a_phone(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/phone/another/config.json")).json()["phone"] == {"member": None, "os": "Android"}


@pytest.mark.parametrize("name", ["..%2Fpages.py", "%2Fetc%2Fpasswd", "nothing.js"])
async def test_only_assets_are_served(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/phone-assets/{name}")).status_code == 404


async def test_sign_in_is_vouched_for_by_the_shop(browser: httpx.AsyncClient, intake: Intake) -> None:
    answer = await browser.post("/shop/sign-in", json=PERSON)

    assert answer.json()["status"] == 200
    [event] = intake.events
    assert intake.keys == ["sk_secret:"]
    assert (event["type"], event["userId"], event["anonymousId"]) == ("identify", "M000123", "anon-1")
    assert event["context"]["device"] == PERSON["device"]
    assert datetime.fromisoformat(event["timestamp"]) == NOW


async def test_an_order_is_priced_by_the_shop(browser: httpx.AsyncClient, intake: Intake) -> None:
    order = {"person": PERSON, "products": {"P014": 2, "P001": 1}, "store_id": "S01", "coupon_id": "thanks"}

    await browser.post("/shop/orders", json=order)

    placed, redeemed, points = intake.events
    assert [event["event"] for event in intake.events] == ["Order Completed", "Coupon Redeemed", "Points Earned"]
    assert placed["properties"]["total"] == 1120
    assert placed["properties"]["currency"] == "JPY"
    assert [(line["product_id"], line["quantity"], line["price"]) for line in placed["properties"]["products"]] == [
        ("P014", 2, 480),
        ("P001", 1, 260),
    ]
    assert redeemed["properties"]["order_id"] == placed["properties"]["order_id"]
    assert redeemed["properties"]["coupon_id"] == "thanks"
    assert points["properties"] == {"points": 11}
    assert len({event["messageId"] for event in intake.events}) == 3


async def test_coupon_use_and_consent_are_reported_by_the_shop(browser: httpx.AsyncClient, intake: Intake) -> None:
    await browser.post("/shop/coupon-uses", json={"person": PERSON, "coupon_id": "coffee", "store_id": "S02"})
    await browser.post("/shop/consent", json={"person": PERSON, "granted": False})

    redeemed, consent = intake.events
    assert redeemed["properties"] == {"coupon_id": "coffee", "store_id": "S02"}
    assert consent["properties"] == {"purpose": "marketing", "channel": "push", "granted": False}
    assert intake.keys == ["sk_secret:", "sk_secret:"]


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/shop/sign-in", {**PERSON, "user_id": "somebody"}, 404),
        ("/shop/orders", {"person": PERSON, "products": {}, "store_id": "S01"}, 400),
        ("/shop/orders", {"person": PERSON, "products": {"P014": -1}, "store_id": "S01"}, 400),
        ("/shop/orders", {"person": PERSON, "products": {"P999": 1}, "store_id": "S01"}, 404),
        ("/shop/coupon-uses", {"person": PERSON, "coupon_id": "none", "store_id": "S01"}, 404),
        ("/shop/consent", {"granted": True}, 400),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_sent(
    browser: httpx.AsyncClient, intake: Intake, path: str, sent: dict[str, Any], status: int
) -> None:
    assert (await browser.post(path, json=sent)).status_code == status
    assert intake.events == []


async def test_the_intakes_refusal_is_passed_on(browser: httpx.AsyncClient, intake: Intake) -> None:
    intake.status = 503

    assert (await browser.post("/shop/consent", json={"person": PERSON, "granted": True})).json()["status"] == 503


async def test_other_sites_pages_cannot_use_the_shops_key(browser: httpx.AsyncClient, intake: Intake) -> None:
    answer = await browser.post("/shop/sign-in", json=PERSON, headers={"Origin": "https://elsewhere.example"})

    assert answer.status_code == 403
    assert intake.events == []


async def test_before_the_shop_is_loaded_the_page_says_so(tmp_path: Path) -> None:
    routes = phone_routes(tmp_path / "demo" / "phone.json")
    async with running(tmp_path / "emulator", routes=routes) as server, httpx.AsyncClient() as client:
        page = await client.get(f"{server.control_url}/phone/a")
        config = await client.get(f"{server.control_url}/phone/a/config.json")

    assert page.status_code == 200
    assert config.status_code == 503
    assert "joren demo" in config.json()["message"]


def test_every_text_is_there_in_both_languages() -> None:
    words = (ASSETS / "words.js").read_text()
    ja, en = (set(re.findall(r"^    (\w+): \"", words[start:end], re.MULTILINE)) for start, end in _halves(words))
    used = {
        key
        for script in ASSETS.glob("*.js")
        for key in re.findall(r"\bt\(\s*[^)]*?\"(\w+)\"", script.read_text())
        if key != "shop"
    }

    assert ja == en
    assert len(ja) > 60
    assert used <= ja


def _halves(words: str) -> list[tuple[int, int]]:
    middle = words.index("\n  en: {")
    return [(words.index("\n  ja: {"), middle), (middle, words.index("\n};"))]


def test_the_page_holds_no_address_but_its_own() -> None:
    for file in ASSETS.iterdir():
        content = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in content
        assert "https://" not in content
        assert "innerHTML" not in content
    assert json.dumps(sorted(file.suffix for file in ASSETS.iterdir())).count(".html") == 1
