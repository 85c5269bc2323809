"""Static lists, memberships and drafts for a server program: what it sends, what it is told, what it is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx
import pytest

from backend.api.lists import ListController
from backend.api.memberships import MembershipController
from backend.api.segment_drafts import DraftController
from backend.api.segments import SegmentController
from backend.services.api_keys import ApiKeys
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_versions import SegmentVersions
from backend.services.static_lists import StaticLists
from tests.api.conftest import client_of
from tests.api.test_segments_and_customers import server
from tests.services.frames import HeldFrame
from tests.services.keeping import NOW, Floor

ONCE = {"attribute": "orders", "op": "=", "value": 1}
TWICE = {"attribute": "orders", "op": "=", "value": 2}


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> Floor:
    floor = Floor(pool)
    for number in (1, 2):
        await floor.person(number, f"M-{number}")
        statement = (
            "INSERT INTO identities (kind, value, customer_id, linked_at, proven) VALUES ('user', $1, $2, now(), true)"
        )
        await pool.execute(statement, f"M-{number}", number)
        await floor.put(number, orders=number)
    return floor


@pytest.fixture
async def client(floor: Floor) -> AsyncIterator[httpx.AsyncClient]:
    pool, clock, frame = floor.pool, floor.clock, HeldFrame([])
    runs, keys = SegmentRuns(pool, clock, frame), ApiKeys(pool, clock)
    app = server(
        [ListController, SegmentController, MembershipController, DraftController],
        static_lists=StaticLists(pool, clock, members_at=floor.ledger.members_at, known_since=runs.known_since),
        membership_ledger=floor.ledger,
        segment_versions=SegmentVersions(pool, clock, save=runs.save),
        segment_runs=runs,
        people=People(pool, clock, frame),
        api_keys=keys,
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = (
            f"Bearer {await keys.create('program', scopes=['segments:read', 'segments:write'])}"
        )
        yield client


async def test_a_list_from_numbers_to_the_archive(client: httpx.AsyncClient) -> None:
    made = await client.post("/lists", json={"name": "Staff", "user_ids": ["M-1", "M-9", "M-1"], "exclusion": True})
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["read"], told["changed"], told["repeated"], told["unknown"]) == (3, 1, 1, ["M-9"])
    number = told["list"]["id"]
    added = (await client.post(f"/lists/{number}/members", json={"user_ids": ["M-2"]})).json()
    assert added["list"]["size"] == 2
    assert [one["user_id"] for one in (await client.get(f"/lists/{number}/members?after=1")).json()] == ["M-2"]
    removed = (await client.post(f"/lists/{number}/removals", json={"user_ids": ["M-1"]})).json()
    assert removed["list"]["size"] == 1
    saved = (await client.put(f"/lists/{number}", json={"name": "Crew", "exclusion": False})).json()
    assert (saved["name"], saved["exclusion"]) == ("Crew", False)
    assert (await client.get(f"/lists/{number}/uses")).json() == {"segments": [], "campaigns": []}
    assert (await client.delete(f"/lists/{number}")).status_code == 204
    assert (await client.get("/lists")).json() == []
    assert (await client.post(f"/lists/{number}/restore")).json()["archived_at"] is None
    assert [one["name"] for one in (await client.get("/lists")).json()] == ["Crew"]


async def test_a_list_is_made_of_one_thing(client: httpx.AsyncClient) -> None:
    for body in (
        {"name": "a"},
        {"name": "a", "user_ids": [], "segment_id": 1},
        {"name": "a", "user_ids": [], "at": "2026-01-01T00:00:00Z"},
    ):
        assert (await client.post("/lists", json=body)).status_code == 400
    missing = await client.get("/lists/99")
    assert (missing.status_code, missing.json()["code"]) == (404, "list_not_found")


async def test_members_are_followed(client: httpx.AsyncClient, floor: Floor) -> None:
    segment = (await client.post("/segments", json={"name": "once", "rule": ONCE})).json()["id"]
    assert (await client.get(f"/segments/{segment}/state")).json()["version"] is None
    await floor.keep()
    floor.clock.advance(timedelta(hours=1))
    await floor.put(1, orders=3)
    await floor.put(2, orders=1, reachable=True)
    await floor.keep()
    state = (await client.get(f"/segments/{segment}/state")).json()
    assert (state["version"], state["current"], state["size"], state["reachable"]) == (1, True, 1, 1)
    (member,) = (await client.get(f"/segments/{segment}/members")).json()
    assert (member["user_id"], member["entered_at"]) == ("M-2", "2026-06-30T04:00:00Z")
    followed = (await client.get("/segments/changes")).json()
    assert [(one["user_id"], one["entered"]) for one in followed] == [("M-1", False), ("M-2", True)]
    assert (await client.get(f"/segments/changes?after={followed[-1]['id']}")).json() == []
    newest = (await client.get(f"/segments/{segment}/changes?limit=1")).json()
    assert newest == followed[1:]
    assert (await client.get(f"/segments/{segment}/changes?before={newest[0]['id']}")).json() == followed[:1]
    days = (await client.get(f"/segments/{segment}/history?days=3")).json()["days"]
    assert [(one["size"], one["entered"], one["left"]) for one in days] == [(1, 1, 1)]
    then = {"name": "then", "segment_id": segment, "at": NOW.isoformat()}
    assert (await client.post("/lists", json=then)).json()["list"]["size"] == 1
    assert (await client.post("/lists", json={**then, "at": "2026-06-30T03:00:00"})).status_code == 400
    assert (await client.get("/segments/99/members")).status_code == 404


async def test_a_draft_is_written_published_and_warned_about(client: httpx.AsyncClient) -> None:
    segment = (await client.post("/segments", json={"name": "once", "rule": ONCE})).json()["id"]
    await client.post("/segments", json={"name": "other", "rule": {"segment": segment}})
    assert (await client.get(f"/segments/{segment}/draft")).status_code == 404
    draft = (await client.put(f"/segments/{segment}/draft", json={"rule": TWICE})).json()
    assert [one["en"] for one in draft["added"]] == ["has exactly 2 orders"]
    stale = await client.put(f"/segments/{segment}/draft", json={"rule": ONCE, "expected": "2026-01-01T00:00:00Z"})
    assert (stale.status_code, stale.json()["code"]) == (409, "draft_changed")
    assert (await client.get(f"/segments/{segment}/draft")).json() == draft
    asked = await client.post(f"/segments/{segment}/draft/publish")
    assert (asked.status_code, asked.json()["code"]) == (409, "segment_used")
    assert '"other"' in asked.json()["message"]
    assert (await client.get(f"/segments/{segment}/uses")).json()["segments"][0]["name"] == "other"
    assert (await client.post(f"/segments/{segment}/draft/publish?confirm=true")).json()["version"] == 2
    edits = (await client.get(f"/segments/{segment}/edits")).json()
    assert [(one["version"], len(one["removed"]), len(one["added"])) for one in edits] == [(2, 1, 1), (1, 0, 0)]
    change = {"name": "once", "rule": ONCE}
    assert (await client.put(f"/segments/{segment}", json=change)).status_code == 409
    assert (await client.put(f"/segments/{segment}", json={**change, "confirm": True})).json()["version"] == 3
    await client.put(f"/segments/{segment}/draft", json={"rule": TWICE})
    assert (await client.delete(f"/segments/{segment}/draft")).status_code == 204
    circle = await client.put(f"/segments/{segment}", json={"name": "once", "rule": {"segment": segment}})
    assert (circle.status_code, circle.json()["field"]) == (400, "rule.segment")
