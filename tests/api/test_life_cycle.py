"""Server programs read and set the life-cycle thresholds as the page does."""

from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import httpx
import pytest

from backend.api.life_cycle import ThresholdController
from backend.clock import FixedClock
from backend.services.api_keys import ApiKeys
from backend.services.life_cycle import LifeCycle
from segments.metrics.thresholds import Thresholds
from tests.api.conftest import NOW, client_of
from tests.api.test_segments_and_customers import server


async def derive(since: date) -> Thresholds:
    return Thresholds(version=0, since=since, t1=20, t2=40, t3=80)


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    clock = FixedClock(NOW)
    keys = ApiKeys(pool, clock)
    app = server([ThresholdController], life_cycle=LifeCycle(pool, clock, derive=derive), api_keys=keys)
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('crm', scopes=['shop:read', 'shop:write'])}"
        yield client


async def test_versions_are_set_followed_and_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/shop/thresholds")).json() == []
    made = await client.post("/shop/thresholds", json={"t1": 45, "t2": 90, "t3": 180})
    assert (made.status_code, made.json()["saved_by"]) == (201, "API key crm")
    followed = (await client.post("/shop/thresholds/from-history")).json()
    assert (followed["derived"], followed["thresholds"]["t1"]) == (True, 20)
    listed = (await client.get("/shop/thresholds")).json()
    assert [(each["thresholds"]["t2"], each["in_force"]) for each in listed] == [(40, True), (90, False)]


async def test_what_cannot_be_changes_nothing(client: httpx.AsyncClient) -> None:
    for body in ({"t1": 90, "t2": 45, "t3": 180}, {"t1": 1, "t2": 2}, {"t1": 0, "t2": 1, "t3": 2}):
        assert (await client.post("/shop/thresholds", json=body)).status_code in (400, 422)
    del client.headers["Authorization"]
    for refused in (await client.get("/shop/thresholds"), await client.post("/shop/thresholds/from-history")):
        assert refused.status_code == 401
