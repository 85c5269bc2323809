"""The library of playbooks for a server program: what there is, what is lacking, and what one makes."""

from collections.abc import AsyncIterator
from types import SimpleNamespace

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from backend.api.playbooks import PlaybookController
from backend.api.problems import HANDLERS
from backend.services.api_keys import ApiKeys
from tests.api.conftest import client_of
from tests.fixtures.shop_floor import ShopFloor
from tests.services.test_playbooks import BUYER, HeldShop, library, lines


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    floor = ShopFloor(pool)
    await floor.settings()
    books, keys = library(pool, floor, HeldShop([BUYER], lines()), ("tea", "cups")), ApiKeys(pool, floor.clock)
    app = Litestar(
        [PlaybookController],
        dependencies={"playbooks": Provide(lambda: books, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        state=State({"services": SimpleNamespace(api_keys=keys)}),
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('steering', scopes=['*'])}"
        yield client


async def test_from_the_library_to_a_draft(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/playbooks")).json()
    assert len(listed) == 13
    missing = {each["slug"]: [lack["need"] for lack in each["missing"]] for each in listed}
    assert missing["birthday"] == ["birthdays"]
    one = (await client.get("/playbooks/cross-sell")).json()
    assert {ask["name"]: ask["suggested"] for ask in one["asks"]} == {
        "category": "tea",
        "goes_with": "cups",
        "days": None,
    }
    assert one["plan"]["definition"]["trigger"] == {
        "kind": "event",
        "event": "Order Completed",
        "where": {"category": "tea"},
    }
    assert one["plan"]["definition"]["steps"][0] == {"kind": "wait", "time": "P3D"}
    made = await client.post("/playbooks/cross-sell", json={"answers": {"days": 5}, "language": "en"})
    assert made.status_code == 201, made.text
    assert made.json()["campaign"]["draft"]["name"] == "cups with tea"
    assert made.json()["segment"]["sentence_en"]
    journey = (await client.post("/playbooks/onboarding", json={})).json()
    assert (journey["segment"], len(journey["campaign"]["draft"]["steps"])) == (None, 8)


async def test_refusals_name_what_is_wrong(client: httpx.AsyncClient) -> None:
    assert (await client.get("/playbooks/spam")).status_code == 404
    wrong = await client.post("/playbooks/birthday", json={"answers": {"days": 99}})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["field"]) == (400, "bad_answer", "days")
    del client.headers["Authorization"]
    assert (await client.get("/playbooks")).status_code == 401
