"""Coupons and rank rules over the server API, on the whole application."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import Services, open_services
from tests.api.conftest import NOW, client_of, living, server_api

RULES = {"ranks": [{"name": "base"}, {"name": "gold", "threshold": 1000}], "period": "calendar"}


@pytest.fixture
async def services(settings: Settings, tmp_path: Path) -> AsyncIterator[Services]:
    whole = Settings(home=tmp_path, database_url=settings.database_url, lake=str(tmp_path / "lake"))
    async with open_services(whole, clock=FixedClock(NOW)) as services:
        yield services


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A program that may do everything; M-1 and M-2 are customers, M-1 bought for 1,500 yen."""
    key = await services.api_keys.create("test", scopes=["*"])
    app = server_api(services)
    async with living(app), client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        for number in ("M-1", "M-2"):
            await client.post("/api/v1/customers", json={"user_id": number, "traits": {"name": number}})
        order: dict[str, object] = {"type": "track", "event": "Order Completed", "userId": "M-1", "messageId": "o1"}
        order |= {"timestamp": NOW.isoformat(), "properties": {"order_id": "1", "total": 1500}}
        sent = await client.post("/api/v1/events", json={"batch": [order]})
        assert sent.status_code in (200, 202), sent.text
        await services.refresh.run_until_current()
        yield client


async def settle(services: Services) -> None:
    while await services.coupon_issues.work():
        pass
    await services.refresh.run_until_current()


async def test_a_coupon_from_its_definition_to_the_customers_hands(api: httpx.AsyncClient, services: Services) -> None:
    made = await api.post("/api/v1/coupons", json={"coupon_id": "tea", "title": "お茶", "valid_days": 3})
    assert (made.status_code, made.json()["valid_days"]) == (201, 3)
    assert (await api.post("/api/v1/coupons", json={"coupon_id": "tea", "title": "x"})).json()[
        "code"
    ] == "coupon_exists"
    again = {"Idempotency-Key": "once"}
    asked = [await api.post("/api/v1/coupons/tea/issues", json={"user_ids": ["M-1"]}, headers=again) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202]
    assert asked[0].json()["issue_id"] == asked[1].json()["issue_id"]
    file = await api.post(
        "/api/v1/coupons/tea/issues/file",
        content="会員番号\nM-2\nM-9\n".encode("cp932"),
        headers={"Content-Type": "text/csv"},
    )
    assert (file.json()["people"], file.json()["unknown"]) == (1, 1)
    await settle(services)
    assert [each["issued"] for each in (await api.get("/api/v1/coupons/tea/issues")).json()] == [1, 1]
    numbers = (await api.get("/api/v1/coupons/tea/numbers")).json()["numbers"]
    assert (numbers["issued"], numbers["open"]) == (2, 2)
    pairs = (await api.get("/api/v1/coupons/tea/pairs")).json()
    assert {pair["user_id"]: pair["ends"] for pair in pairs["pairs"]} == {"M-1": "2026-04-04", "M-2": "2026-04-04"}
    who = pairs["pairs"][0]["customer_id"]
    (held,) = (await api.get(f"/api/v1/customers/{who}/coupons")).json()
    assert (held["coupon_id"], held["state"], held["valid_until"]) == ("tea", "held", "2026-04-04")
    nobody: tuple[dict[str, object], ...] = ({}, {"user_ids": ["M-1"], "segment_id": 1}, {"user_ids": []})
    for body in nobody:
        assert (await api.post("/api/v1/coupons/tea/issues", json=body)).status_code in (400, 422)
    assert (await api.post("/api/v1/coupons/tea/archive")).json()["archived_at"] is not None
    refused = await api.post("/api/v1/coupons/tea/issues", json={"user_ids": ["M-1"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "coupon_archived")
    assert (await api.get("/api/v1/coupons")).json() == []


async def test_of_a_coupon_that_there_is_not_nothing_is_listed(api: httpx.AsyncClient) -> None:
    await api.post("/api/v1/coupons", json={"coupon_id": "spring-100", "title": "春"})
    for part in ("", "/numbers", "/pairs", "/issues"):
        answer = await api.get(f"/api/v1/coupons/sprnig-100{part}")
        assert (answer.status_code, answer.json()["code"]) == (404, "coupon_not_found"), part
        assert "spring-100" in answer.json()["message"]


async def test_rank_rules_are_looked_at_saved_and_told(api: httpx.AsyncClient, services: Services) -> None:
    looked = (await api.post("/api/v1/ranks/preview", json={"rules": RULES})).json()
    assert [(each["rank"], each["first_day"]) for each in looked["ranks"]] == [("base", 0), ("gold", 1)]
    saved = await api.post("/api/v1/ranks", json={"rules": RULES, "valid_from": "2026-01-01", "note": "first"})
    assert (saved.status_code, saved.json()["in_force"]) == (201, True)
    (version,) = (await api.get("/api/v1/ranks")).json()
    assert (version["valid_from"], version["rules"]["ranks"][1]) == ("2026-01-01", {"name": "gold", "threshold": 1000})
    await services.refresh.run_until_current()
    who = await services.people.find("M-1")
    told = (await api.get(f"/api/v1/customers/{who}/ranks")).json()
    assert (told["rank"], told["to_next"], told["until"]) == ("gold", None, str(date(2026, 12, 31)))
    past = await api.post("/api/v1/ranks", json={"rules": RULES, "valid_from": "2026-03-31"})
    assert (past.status_code, past.json()["code"]) == (409, "ranks_past")
    wrong = await api.post("/api/v1/ranks", json={"rules": {"ranks": [{"name": "a"}, {"name": "a", "threshold": 1}]}})
    assert (wrong.json()["code"], wrong.json()["field"]) == ("bad_ranks", "ranks")
