"""What the pages can do with segments and people, a server program with an API key can do too."""

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from backend.api.customers import CustomerController
from backend.api.problems import HANDLERS
from backend.api.segments import SegmentController
from backend.clock import FixedClock
from backend.services.api_keys import ApiKeys
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from tests.api.conftest import client_of
from tests.segments.rules.people import ago, person
from tests.services.frames import AS_OF, HeldFrame

ONCE = {"attribute": "orders", "op": "=", "value": 1}
ROWS = [
    person({"Order Completed": [40]}, orders=1, rank="gold", reachable=True, last_seen=ago(3)) | {"customer_id": 1},
    person(orders=2, last_seen=ago(1)) | {"customer_id": 2},
]


def server(controllers: Sequence[ControllerRouterHandler], **services: Any) -> Litestar:
    def given(value: Any) -> Provide:
        return Provide(lambda: value, sync_to_thread=False)

    return Litestar(
        controllers,
        dependencies={name: given(service) for name, service in services.items() if name != "api_keys"},
        exception_handlers=HANDLERS,
        openapi_config=OpenAPIConfig(title="Joren", version="1", use_handler_docstrings=True),
        state=State({"services": SimpleNamespace(**services)}),
    )


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    clock, frame = FixedClock(AS_OF), HeldFrame(ROWS)
    await pool.execute(
        "INSERT INTO customers (customer_id, user_id, created_at, born_source_id, traits) OVERRIDING SYSTEM VALUE "
        "VALUES (1, 'M-1', now(), 1, $1), (2, 'M-2', now(), 1, '{}')",
        {"name": "佐藤 花子"},
    )
    await pool.execute("INSERT INTO identities VALUES ('user', 'M-1', 1, true, now())")
    keys = ApiKeys(pool, clock)
    runs, people = SegmentRuns(pool, clock, frame), People(pool, clock, frame)
    app = server(
        [SegmentController, CustomerController],
        segment_runs=runs,
        people=people,
        rank_desk=None,
        server_events=None,
        api_keys=keys,
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('reports', scopes=['*'])}"
        yield client


async def test_without_a_key_nothing_is_told(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    for path in ("/segments", "/segments/conditions", "/customers", "/customers/1", "/customers/1/timeline"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_a_segment_is_made_changed_counted_and_put_away(client: httpx.AsyncClient) -> None:
    made = await client.post("/segments", json={"name": "一度だけ", "rule": ONCE})
    assert made.status_code == 201
    segment = made.json()
    assert (segment["rule"], segment["version"], segment["changed_by"]) == (ONCE, 1, "API key reports")
    assert segment["sentence"] == {"ja": "購入回数がちょうど1回", "en": "has exactly 1 order"}
    path = f"/segments/{segment['id']}"
    assert (await client.get(f"{path}/count")).json() == {
        "size": 1,
        "total": 2,
        "share": 0.5,
        "reachable": 1,
        "as_of": "2026-06-30T03:00:00Z",
        "known_since": None,
    }
    changed = await client.put(path, json={"name": "二度", "rule": ONCE | {"value": 2}, "version": 1})
    assert (changed.json()["version"], changed.json()["name"]) == (2, "二度")
    assert (await client.get(path, params={"version": 1})).json()["rule"] == ONCE
    versions = (await client.get(f"{path}/versions")).json()
    assert [(each["version"], each["rule"]["value"]) for each in versions] == [(2, 2), (1, 1)]
    listed = (await client.get("/segments")).json()
    assert [(each["segment"]["name"], each["count"]["size"]) for each in listed] == [("二度", 1)]
    assert (await client.delete(path)).status_code == 204
    assert (await client.get("/segments")).json() == []
    assert len((await client.get("/segments", params={"archived": "true"})).json()) == 1


async def test_a_rule_is_previewed_without_being_kept(client: httpx.AsyncClient) -> None:
    answer = await client.post("/segments/preview", json={"rule": ONCE})
    assert answer.status_code == 200
    preview = answer.json()
    assert (preview["count"]["size"], preview["sample"], preview["by_rank"]) == (1, [1], [{"rank": "gold", "size": 1}])
    assert (await client.get("/segments")).json() == []


async def test_a_bad_rule_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    answer = await client.post("/segments/preview", json={"rule": {"all": [ONCE, ONCE | {"op": "~"}]}})
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["code"], problem["field"]) == ("bad_rule", "rule.all[1].op")
    assert problem["message"].startswith('rule.all[1].op: "~" is no operator of the number attribute "orders"')
    assert (await client.post("/segments/preview", json={"rule": {}})).json()["field"] == "rule"


async def test_conflicts_and_unknown_things_have_their_status(client: httpx.AsyncClient) -> None:
    for expected in (201, 409):
        assert (await client.post("/segments", json={"name": "s", "rule": ONCE})).status_code == expected
    for path in ("/segments/99", "/segments/99/count", "/customers/99", "/customers/by-user-id?user_id=x"):
        assert (await client.get(path)).status_code == 404
    for body in ({"name": "t"}, {"name": "t", "rule": ONCE, "colour": "red"}, {"name": 5, "rule": ONCE}):
        assert (await client.post("/segments", json=body)).status_code == 400
    assert (await client.get("/customers", params={"cursor": "x"})).status_code == 400
    assert (await client.get("/customers/1/timeline", params={"before": "x"})).status_code == 400


async def test_a_membership_is_explained_by_either_number(client: httpx.AsyncClient) -> None:
    number = (await client.post("/segments", json={"name": "s", "rule": {"all": [ONCE]}})).json()["id"]
    by_own = (await client.get(f"/segments/{number}/explain", params={"user_id": "M-1"})).json()
    by_ours = (await client.get(f"/segments/{number}/explain", params={"customer_id": 1})).json()
    assert by_own == by_ours
    assert by_own["member"] is True
    part = by_own["ja"]["parts"][0]
    assert (part["sentence"], part["holds"], part["found"]) == ("購入回数がちょうど1回", True, "1回")
    assert (await client.get(f"/segments/{number}/explain")).status_code == 400


async def test_the_catalogue_of_conditions_is_told(client: httpx.AsyncClient) -> None:
    conditions = (await client.get("/segments/conditions")).json()
    orders = next(each for each in conditions["attributes"] if each["name"] == "orders")
    assert orders["kind"] == "number"
    assert orders["operators"][0] == {"op": "=", "operand": "number", "ja": "ちょうど", "en": "is exactly"}
    ordered = next(each for each in conditions["events"] if each["name"] == "Order Completed")
    assert (ordered["ja"], ordered["en"]) == ("購入", "Order completed")
    asked = ["store", "category", "product", "brand", "amount", "platform"]
    assert [each["name"] for each in ordered["properties"]] == asked


async def test_customers_are_found_and_shown(client: httpx.AsyncClient) -> None:
    page = (await client.get("/customers")).json()
    assert [each["customer_id"] for each in page["people"]] == [2, 1]
    found = (await client.get("/customers", params={"search": "佐藤"})).json()
    assert [(each["name"], each["rank"]) for each in found["people"]] == [("佐藤 花子", "gold")]
    detail = (await client.get("/customers/by-user-id", params={"user_id": "M-1"})).json()
    assert detail == (await client.get("/customers/1")).json()
    assert (detail["facts"]["orders"], detail["facts"]["last_seen"]) == (1, "2026-06-27")
    assert (await client.get("/customers/1/timeline")).json() == {"entries": [], "next": None}


async def test_the_api_describes_itself() -> None:
    schema = server(
        [SegmentController, CustomerController], segment_runs=None, people=None, rank_desk=None, server_events=None
    ).openapi_schema.to_schema()
    operations = [one for path in schema["paths"].values() for one in path.values()]
    assert len(operations) == 18
    assert all(one["summary"] and one["description"] for one in operations)
