"""Server programs read and change the shop's settings as the settings page does."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from backend.api.shop import ShopController
from backend.clock import FixedClock
from backend.services.api_keys import ApiKeys
from backend.services.shop import Shop
from tests.api.conftest import NOW, client_of
from tests.api.test_segments_and_customers import server


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    clock = FixedClock(NOW)
    keys = ApiKeys(pool, clock)
    app = server([ShopController], shop=Shop(pool, clock), api_keys=keys)
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('settings', scopes=['shop:read', 'shop:write'])}"
        yield client


async def test_without_a_key_nothing_is_told_or_changed(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    assert (await client.get("/shop")).status_code == 401
    assert (await client.put("/shop", json={"cap_7d": 2})).status_code == 401


async def test_what_is_put_changes_and_the_rest_stays(client: httpx.AsyncClient) -> None:
    before = (await client.get("/shop")).json()
    wanted = {"quiet_from": "22:30", "cap_7d": 2, "consent_rule": "permission", "exclude_test_accounts": False}
    answer = await client.put("/shop", json=wanted)
    assert answer.status_code == 200, answer.text
    after = (await client.get("/shop")).json()
    assert answer.json() == after == before | wanted | {"quiet_from": "22:30:00"}
    assert (await client.put("/shop", json=before)).json() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("cap_7d", 51), ("cap_7d", True), ("zone", "Tokyo"), ("quiet_from", "25:00"), ("consent_rule", "no"), ("capp", 1)],
)
async def test_what_cannot_be_taken_names_the_field_and_changes_nothing(
    client: httpx.AsyncClient, field: str, value: object
) -> None:
    before = (await client.get("/shop")).json()
    answer = await client.put("/shop", json={"name_en": "Other", field: value})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert (await client.get("/shop")).json() == before
