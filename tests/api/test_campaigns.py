"""A server program steers campaigns as the pages do."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from backend.api.campaigns import CampaignController
from backend.api.problems import HANDLERS
from backend.services.api_keys import ApiKeys
from tests.api.conftest import client_of
from tests.fixtures.shop_floor import ShopFloor

TEXT = {"ja": {"title": "{{ 姓 }}様へ", "body": "お待ちしています"}}


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


@pytest.fixture
async def client(floor: ShopFloor) -> AsyncIterator[httpx.AsyncClient]:
    keys = ApiKeys(floor.pool, floor.clock)
    app = Litestar(
        [CampaignController],
        dependencies={"campaign_desk": Provide(lambda: floor.desk, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        openapi_config=OpenAPIConfig(title="Joren", version="1", use_handler_docstrings=True),
        state=State({"services": SimpleNamespace(api_keys=keys)}),
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('steering', scopes=['*'])}"
        yield client


async def made(client: httpx.AsyncClient, floor: ShopFloor, **changes: Any) -> dict[str, Any]:
    body = {"name": "Tea", "segment_id": await floor.segment(), "content": TEXT, "holdout_percent": 0} | changes
    answer = await client.post("/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    campaign: dict[str, Any] = answer.json()
    return campaign


async def test_without_a_key_nothing_is_told_or_done(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    for method, path in (("GET", "/campaigns"), ("GET", "/campaigns/1/report"), ("POST", "/campaigns/1/cancel")):
        assert (await client.request(method, path)).status_code == 401


async def test_from_draft_to_report(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    (first, _) = await floor.people(2)
    campaign = await made(client, floor)
    number, revision = campaign["summary"]["campaign_id"], campaign["summary"]["revision"]
    dry_run = (await client.get(f"/campaigns/{number}/dry-run")).json()
    assert (dry_run["segment_size"], dry_run["treated"], dry_run["samples"][0]["title"]) == (2, 2, "佐藤様へ")
    trial = await client.post(f"/campaigns/{number}/test-send", json={"customer_id": first})
    assert trial.json()["devices"][0]["outcome"] == "accepted"
    sent = await client.post(f"/campaigns/{number}/send", json={"revision": revision})
    assert sent.json()["summary"]["state"] == "scheduled"
    assert sent.json()["actions"] == ["edit", "schedule", "cancel"]
    await floor.runs.launch_due()
    paused = await client.post(f"/campaigns/{number}/pause")
    assert paused.json()["summary"]["paused_reason"] == "person"
    assert (await client.post(f"/campaigns/{number}/resume")).json()["summary"]["state"] == "sending"
    await floor.drain()
    report = (await client.get(f"/campaigns/{number}/report")).json()
    assert report["people"]["accepted"] == report["people"]["targeted"] == 2
    assert report["effect"]["verdict"] == "no_control"
    assert [each["state"] for each in (await client.get("/campaigns")).json()] == ["sent"]


async def test_a_change_names_its_revision(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    campaign = await made(client, floor)
    number, body = campaign["summary"]["campaign_id"], {"name": "Coffee", "segment_id": 1, "content": TEXT}
    changed = await client.put(f"/campaigns/{number}", json=body | {"revision": 1})
    assert changed.json()["draft"]["name"] == "Coffee"
    stale = await client.put(f"/campaigns/{number}", json=body | {"revision": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "campaign_changed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": {"ja": {"title": "{{ x }}", "body": "b"}}}, "content.ja.title"),
        ({"content": {}}, "content"),
        ({"holdout_percent": 95}, "holdout_percent"),
        ({"segment_id": 99}, "segment_id"),
    ],
)
async def test_a_draft_that_does_not_stand_is_400_with_its_field(
    client: httpx.AsyncClient, floor: ShopFloor, change: dict[str, Any], field: str
) -> None:
    body = {"name": "Tea", "segment_id": await floor.segment(), "content": TEXT} | change
    answer = await client.post("/campaigns", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_the_wrong_state_is_409_and_an_unknown_number_404(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    campaign = await made(client, floor)
    answer = await client.post(f"/campaigns/{campaign['summary']['campaign_id']}/pause")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert (await client.get("/campaigns/99")).status_code == 404
