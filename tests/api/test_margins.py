"""Server programs read and add margin rates as the page does."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from backend.api.margins import MarginController
from backend.clock import FixedClock
from backend.services.api_keys import ApiKeys
from backend.services.margins import Margins
from tests.api.conftest import NOW, client_of
from tests.api.test_segments_and_customers import server


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    clock = FixedClock(NOW)
    keys = ApiKeys(pool, clock)
    app = server([MarginController], margins=Margins(pool, clock), api_keys=keys)
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('crm', scopes=['shop:read', 'shop:write'])}"
        yield client


async def test_versions_are_added_and_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/shop/margins")).json() == []
    made = await client.post("/shop/margins", json={"default": 3000, "categories": {"tea": 6250}})
    assert (made.status_code, made.json()["saved_by"], made.json()["in_force"]) == (201, "API key crm", True)
    earlier = await client.post("/shop/margins", json={"categories": {"tea": 5000}, "valid_from": "2020-01-01"})
    assert (earlier.json()["default"], earlier.json()["in_force"]) == (None, False)
    listed = (await client.get("/shop/margins")).json()
    assert [(each["version"], each["in_force"], each["categories"]) for each in listed] == [
        (1, True, {"tea": 6250}),
        (2, False, {"tea": 5000}),
    ]


async def test_what_cannot_be_changes_nothing(client: httpx.AsyncClient) -> None:
    for body in (
        {"default": 10_001},
        {"default": 22.5},
        {"categories": {"tea": -1}},
        {"valid_from": "1900-01-01"},
        {"rate": 5},
    ):
        assert (await client.post("/shop/margins", json=body)).status_code in (400, 422)
    assert (await client.get("/shop/margins")).json() == []
    del client.headers["Authorization"]
    assert (await client.get("/shop/margins")).status_code == 401
