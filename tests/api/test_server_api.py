"""The server API: what a shop's server says of its customers is stored as events, and read back after a refresh."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.clock import FixedClock
from backend.settings import Settings
from backend.wiring import Services, open_services
from tests.api.conftest import NOW, client_of, living, server_api


@dataclass(frozen=True, slots=True)
class Api:
    """The server API as a shop's server sees it."""

    client: httpx.AsyncClient
    services: Services

    async def post(self, path: str, body: dict[str, Any], *, status: int = 202, **options: Any) -> Any:
        answer = await self.client.post(f"/api/v1{path}", json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str, *, status: int = 200, **params: Any) -> Any:
        answer = await self.client.get(f"/api/v1{path}", params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def refresh(self) -> None:
        await self.services.refresh.run_until_current()

    async def customer(self, user_id: str) -> int:
        return int((await self.get("/customers/by-user-id", user_id=user_id))["customer_id"])

    async def devices(self, user_id: str) -> list[tuple[str, str | None]]:
        found = await self.get(f"/customers/{await self.customer(user_id)}/devices")
        return [(device["state"], device["app_version"]) for device in found]


@pytest.fixture
async def api(settings: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    whole = Settings(home=tmp_path, database_url=settings.database_url, lake=str(tmp_path / "lake"), role="admin")
    async with open_services(whole, clock=FixedClock(NOW)) as services:
        server = server_api(services)
        async with living(server), client_of(server) as client:
            key = await services.api_keys.create("shop server", scopes=["*"])
            client.headers["Authorization"] = f"Bearer {key}"
            yield Api(client, services)


async def test_a_customer_is_told_of_and_read_by_either_id(api: Api) -> None:
    said = await api.post("/customers", {"user_id": "M-1", "anonymous_id": "a1", "traits": {"family_name": "佐藤"}})
    assert (said["accepted"], said["applied"]) == (True, False)
    await api.get("/customers/by-user-id", user_id="M-1", status=404)
    await api.refresh()
    by_own = await api.get("/customers/by-user-id", user_id="M-1")
    assert by_own == await api.get("/customers/by-anonymous-id", anonymous_id="a1")
    assert (by_own["name"], by_own["known_to_shop"], by_own["traits"]) == ("佐藤", True, {"family_name": "佐藤"})
    await api.post("/customers", {"user_id": "M-1", "traits": {"family_name": None, "points_card": "77"}})
    await api.refresh()
    assert (await api.get("/customers/by-user-id", user_id="M-1"))["traits"] == {"points_card": "77"}
    assert len((await api.get(f"/customers/{by_own['customer_id']}/timeline"))["entries"]) == 2


async def test_an_earlier_word_that_comes_late_overturns_nothing(api: Api) -> None:
    for hours, rank in ((1, "gold"), (2, "silver")):
        at = (NOW - timedelta(hours=hours)).isoformat()
        await api.post("/customers", {"user_id": "M-1", "traits": {"rank_name": rank}, "at": at})
        await api.refresh()
    assert (await api.get("/customers/by-user-id", user_id="M-1"))["traits"] == {"rank_name": "gold"}


async def test_who_waits_reads_what_he_wrote(api: Api) -> None:
    async def refresh_soon() -> None:
        await asyncio.sleep(0.2)
        await api.refresh()

    refreshing = asyncio.create_task(refresh_soon())
    said = await api.post("/customers", {"user_id": "M-1", "traits": {"gender": "female"}}, params={"wait": 10})
    await refreshing
    assert said["applied"] is True
    assert (await api.get("/customers/by-user-id", user_id="M-1"))["traits"] == {"gender": "female"}
    late = await api.post("/customers", {"user_id": "M-1", "traits": {"gender": "male"}}, params={"wait": 0.1})
    assert late["applied"] is False


async def test_the_same_idempotency_key_is_the_same_event(api: Api) -> None:
    body = {"user_id": "M-1", "traits": {"gender": "female"}}
    first = await api.post("/customers", body, headers={"Idempotency-Key": "k1"})
    assert first == await api.post("/customers", body, headers={"Idempotency-Key": "k1"})
    await api.post("/customers", body, headers={"Idempotency-Key": "k2"})
    assert await api.services.pool.fetchval("SELECT count(*) FROM event_log") == 2


async def test_an_idempotency_key_that_is_free_again_carries_a_new_word(api: Api) -> None:
    for rank in ("gold", "silver"):
        body = {"user_id": "M-1", "traits": {"rank_name": rank}}
        await api.post("/customers", body, headers={"Idempotency-Key": "M-1"})
        await api.services.pool.execute("DELETE FROM idempotency_keys")  # as after two days
    await api.refresh()
    assert (await api.get("/customers/by-user-id", user_id="M-1"))["traits"] == {"rank_name": "silver"}


async def test_the_audit_log_says_which_key_saw_and_erased_a_person_or_sent(api: Api) -> None:
    await api.post("/customers", {"user_id": "M-1", "traits": {"rank_name": "gold"}})
    await api.refresh()
    number = await api.customer("M-1")
    await api.get(f"/customers/{number}/disclosure")
    segment = await api.post("/segments", {"name": "s", "rule": {"all": []}}, status=201)
    content = {"ja": {"title": "t", "body": "b"}}
    draft = {"name": "c", "segment_id": segment["id"], "content": content}
    await api.post("/campaigns", draft, status=201)
    erasure = await api.post("/erasures", {"customer_id": number})
    assert erasure["asked_by"] == "API key shop server"
    audit = await api.services.pool.fetch("SELECT action, actor FROM audit_log WHERE actor LIKE '%shop server'")
    assert {row["action"] for row in audit} >= {"disclose", "erase", "campaign.create"}


async def test_a_device_is_registered_moves_and_is_given_up(api: Api) -> None:
    phone = {"address": "t1", "platform": "ios", "app_version": "1.0", "permission": "granted", "locale": "ja-JP"}
    await api.post("/devices", {"user_id": "M-1", **phone, "time_zone": "Asia/Tokyo"})
    await api.refresh()
    listed = (await api.get(f"/customers/{await api.customer('M-1')}/devices"))[0]
    told = {name: listed[name] for name in ("address_kind", "platform", "locale", "time_zone", "permission", "state")}
    assert told == {
        "address_kind": "token",
        "platform": "ios",
        "locale": "ja-JP",
        "time_zone": "Asia/Tokyo",
        "permission": "granted",
        "state": "live",
    }
    assert "t1" not in str(listed)
    await step(api, "/devices", {"user_id": "M-2", "address": "t1"})
    assert (await api.devices("M-1"), await api.devices("M-2")) == ([], [("live", "1.0")])
    await step(api, "/devices/sign-out", {"user_id": "M-2", "address": "t1"})
    assert await api.devices("M-2") == [("signed_out", "1.0")]
    await step(api, "/devices", {"user_id": "M-2", "address": "t1", "app_version": "1.1"})
    assert await api.devices("M-2") == [("live", "1.1")]


async def step(api: Api, path: str, body: dict[str, Any]) -> None:
    """Say something a minute later, and let it be read."""
    api.services.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    await api.post(path, body)
    await api.refresh()


async def test_a_newer_address_of_the_same_installation_replaces_the_older(api: Api) -> None:
    for version, address in (("1.0", "old"), ("1.1", "new")):
        await step(api, "/devices", {"user_id": "M-1", "address": address, "device_id": "d1", "app_version": version})
    await step(api, "/devices", {"user_id": "M-1", "address": "installation", "kind": "fid", "device_id": "d2"})
    assert sorted(await api.devices("M-1"), key=str) == [("live", "1.1"), ("live", None), ("replaced", "1.0")]


async def test_consents_are_told_kept_apart_and_remembered(api: Api) -> None:
    words = [
        {"granted": True, "source": "店頭申込書", "at": (NOW - timedelta(days=2)).isoformat()},
        {"granted": False, "at": (NOW - timedelta(hours=1)).isoformat()},
        {"granted": True, "at": (NOW - timedelta(days=1)).isoformat()},
        {"granted": True, "channel": "email", "purpose": "news"},
    ]
    for word in words:
        await api.post("/consents", {"user_id": "M-1", **word})
        await api.refresh()
    customer = await api.customer("M-1")
    stands = await api.get(f"/customers/{customer}/consents")
    assert [(one["purpose"], one["channel"], one["granted"]) for one in stands] == [
        ("marketing", "push", False),
        ("news", "email", True),
    ]
    first = await api.get(f"/customers/{customer}/consents/history", size=3)
    rest = await api.get(f"/customers/{customer}/consents/history", size=3, before=first["next"])
    assert [one["granted"] for one in [*first["words"], *rest["words"]]] == [True, False, True, True]
    assert (rest["words"][-1]["origin"], rest["words"][-1]["source"], rest["next"]) == (
        "店頭申込書",
        "Server API",
        None,
    )


async def test_a_batch_of_events_is_answered_one_by_one(api: Api) -> None:
    good = {"type": "track", "event": "Order Completed", "userId": "M-1", "messageId": "m1"}
    batch = [
        good | {"properties": {"order_id": "o1", "total": 1280}},
        {"type": "track", "userId": "M-1"},
        {"type": "track", "event": "Own", "userId": "M-1"},
    ]
    answer = await api.post("/events", {"batch": batch, "context": {"locale": "ja-JP"}}, status=200)
    assert (answer["accepted"], answer["failed"]) == (2, 1)
    assert [one["outcome"] for one in answer["results"]] == ["accepted", "failed", "accepted"]
    assert [one["code"] for one in answer["results"]] == [None, "missing_event", None]
    assert await api.post("/events", {"batch": batch, "context": {"locale": "ja-JP"}}, status=200) == answer
    stored = await api.services.pool.fetch("SELECT event, trusted FROM event_log ORDER BY seq")
    assert [tuple(row) for row in stored] == [("Order Completed", True), ("Own", True)]
    await api.post("/events", {"batch": []}, status=400)


async def test_customers_are_walked_through_to_the_end(api: Api) -> None:
    for number in range(5):
        at = NOW - timedelta(days=number // 2)
        await api.post("/customers", {"user_id": f"M-{number}", "traits": {"name": f"佐藤 {number}"}})
        await api.post(
            "/events",
            {
                "batch": [
                    {"type": "track", "event": "Store Visited", "userId": f"M-{number}", "timestamp": at.isoformat()}
                ]
            },
            status=200,
        )
    await api.refresh()
    await api.services.pool.execute(
        "INSERT INTO customers (user_id, created_at, born_source_id, traits) VALUES ('M-9', now(), 1, '{\"name\": \"佐藤 9\"}')"
    )
    for search, expected in (("", 5), ("佐藤", 6)):
        found, cursor = [], None
        while True:
            given = {} if cursor is None else {"cursor": cursor}
            page = await api.get("/customers", search=search, size=2, **given)
            found += [one["user_id"] for one in page["people"]]
            assert page["total"] == expected
            if (cursor := page["next"]) is None:
                break
        assert len(found) == len(set(found)) == expected
    await api.get("/customers", cursor="x", status=400)


async def test_a_statement_that_names_nobody_is_refused(api: Api) -> None:
    for path, body in (
        ("/customers", {"traits": {}}),
        ("/devices", {"address": "t1"}),
        ("/consents", {"granted": True}),
    ):
        assert (await api.post(path, body, status=400))["field"] == "user_id"
    await api.post("/consents", {"user_id": " ", "granted": True}, status=400)
    await api.get(f"/customers/{2**63}", status=400)
    assert await api.services.pool.fetchval("SELECT count(*) FROM event_log") == 0
