"""A server program steers campaigns as the pages do."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from backend.api.campaign_acts import CampaignActsController
from backend.api.campaigns import CampaignController
from backend.api.problems import HANDLERS
from backend.lake.frame import CustomerFrame
from backend.services.api_keys import ApiKeys
from backend.services.campaign_desk.previews import CampaignPreviews
from backend.services.people import People
from segments.preview import Count
from tests.api.conftest import client_of
from tests.fixtures.shop_floor import NOON, ShopFloor

TEXT = {"ja": {"title": "{{ 姓 }}様へ", "body": "お待ちしています"}}


@pytest.fixture
async def floor(pool: asyncpg.Pool) -> ShopFloor:
    floor = ShopFloor(pool)
    await floor.settings()
    return floor


async def _size(segment_id: int) -> Count:
    return Count(size=10 * segment_id, total=99, reachable=7 * segment_id, as_of=NOON)


@pytest.fixture
async def client(floor: ShopFloor, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    keys = ApiKeys(floor.pool, floor.clock)
    people = People(floor.pool, floor.clock, CustomerFrame(tmp_path))
    previews = CampaignPreviews(floor.pool, floor.clock, count=_size)
    app = Litestar(
        [CampaignController, CampaignActsController],
        dependencies={
            "campaign_previews": Provide(lambda: previews, sync_to_thread=False),
            "campaign_desk": Provide(lambda: floor.desk, sync_to_thread=False),
            "people": Provide(lambda: people, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        openapi_config=OpenAPIConfig(title="Joren", version="1", use_handler_docstrings=True),
        state=State({"services": SimpleNamespace(api_keys=keys)}),
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('steering', scopes=['*'])}"
        yield client


async def made(client: httpx.AsyncClient, floor: ShopFloor, **changes: Any) -> dict[str, Any]:
    usual = {"name": "Tea", "content": TEXT, "holdout_percent": 0, "names_on_lock_screen": True}
    body = usual | {"segment_id": await floor.segment()} | changes
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
    number, body = (
        campaign["summary"]["campaign_id"],
        {"name": "Coffee", "segment_id": 1, "content": {"en": {"title": "Hi", "body": "there"}}},
    )
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
        ({"names_on_lock_screen": False}, "content.ja.title"),
        ({"content": {"ja": {"title": "a\x00", "body": "b"}}}, "content"),
        (
            {"trigger": {"kind": "recurring", "rrule": "FREQ=HOURLY", "starts_at": "2026-12-01T10:00:00Z"}},
            "trigger.rrule",
        ),
        ({"trigger": {"kind": "event", "event": "x", "where": {"shop": 1}}}, "trigger.where.shop"),
        ({"trigger": {"kind": "date", "date": "birthday", "days": "x"}}, "trigger.days"),
        ({"variants": [{"name": "A", "share": 100, "content": TEXT}]}, "variants"),
    ],
)
async def test_a_draft_that_does_not_stand_is_400_with_its_field(
    client: httpx.AsyncClient, floor: ShopFloor, change: dict[str, Any], field: str
) -> None:
    usual = {"name": "Tea", "segment_id": await floor.segment(), "content": TEXT, "names_on_lock_screen": True}
    answer = await client.post("/campaigns", json=usual | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_the_wrong_state_is_409_and_an_unknown_number_404(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    campaign = await made(client, floor)
    answer = await client.post(f"/campaigns/{campaign['summary']['campaign_id']}/pause")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert (await client.get("/campaigns/99")).status_code == 404


async def test_what_is_read_as_written_can_be_written_again(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    weekly = {"kind": "recurring", "rrule": "FREQ=WEEKLY;BYDAY=FR", "starts_at": "2026-12-04T01:00:00Z"}
    campaign = await made(client, floor, trigger=weekly, tags=["tea"], hypothesis="Fridays are slow")
    number = campaign["summary"]["campaign_id"]
    written = (await client.get(f"/campaigns/{number}/definition")).json()
    assert (written["trigger"], written["tags"], written["hypothesis"]) == (weekly, ["tea"], "Fridays are slow")
    again = await client.put(f"/campaigns/{number}", json=written | {"revision": 1, "name": "Tea on Fridays"})
    assert again.json()["draft"] == campaign["draft"] | {"name": "Tea on Fridays"}
    assert [each["name"] for each in (await client.get("/campaigns", params={"tag": "tea"})).json()] == [
        "Tea on Fridays"
    ]
    assert (await client.get("/campaigns", params={"tag": "coffee"})).json() == []


async def test_a_second_key_approves_and_a_running_campaign_changes(
    client: httpx.AsyncClient, floor: ShopFloor
) -> None:
    await floor.settings(approval_above=1)
    await floor.people(2)
    daily = {"kind": "recurring", "rrule": "FREQ=DAILY", "starts_at": "2026-06-01T03:00:00Z"}
    campaign = await made(client, floor, trigger=daily)
    path = f"/campaigns/{campaign['summary']['campaign_id']}"
    waits = (await client.post(f"{path}/send", json={"revision": 1})).json()
    assert (waits["summary"]["state"], waits["review"]["audience"]) == ("awaiting_approval", 2)
    own = await client.post(f"{path}/approve", json={})
    assert (own.status_code, own.json()["code"]) == (409, "second_person_needed")
    assert (await client.post(f"{path}/reject", json={})).status_code == 400
    second = await ApiKeys(floor.pool, floor.clock).create("second", scopes=["campaigns:send"])
    other = {"Authorization": f"Bearer {second}"}
    approved = await client.post(f"{path}/approve", json={"comment": "fine"}, headers=other)
    assert approved.json()["summary"]["state"] == "scheduled"
    await floor.runs.launch_due()
    running = (await client.get(path)).json()
    written = (await client.get(f"{path}/definition")).json()
    words = {"content": {"ja": {"title": "新茶", "body": "どうぞ"}}, "revision": running["summary"]["revision"]}
    proposed = (await client.post(f"{path}/versions", json=written | words)).json()
    assert (proposed["summary"]["version"], proposed["review"]["proposal"]["content"]["ja"]["title"]) == (1, "新茶")
    rejected = (await client.post(f"{path}/reject", json={"comment": "Which tea?"}, headers=other)).json()
    assert (rejected["review"]["comment"], rejected["review"]["proposal"]) == ("Which tea?", None)
    await client.post(f"{path}/versions", json=written | words | {"revision": rejected["summary"]["revision"]})
    await client.post(f"{path}/approve", json={}, headers=other)
    assert [each["version"] for each in (await client.get(f"{path}/versions")).json()] == [1, 2]


async def test_copy_archive_and_trials(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    (first,) = await floor.people(1, phones=2)
    shares = [{"name": name, "share": 50, "content": {"ja": {"title": name, "body": "b"}}} for name in "AB"]
    path = f"/campaigns/{(await made(client, floor, variants=shares))['summary']['campaign_id']}"
    copied = await client.post(f"{path}/copy", json={})
    assert (copied.status_code, copied.json()["summary"]["name"]) == (201, "Tea (2)")
    device = await floor.pool.fetchval("SELECT max(device_id) FROM devices")
    body = {"customer_id": first, "device_ids": [device], "variant": "B"}
    tried = (await client.post(f"{path}/test-send", json=body)).json()
    await floor.pool.execute(
        "INSERT INTO identities (kind, value, customer_id, proven, linked_at) VALUES ('user', 'M-1', $1, true, now())",
        first,
    )
    by_shop = {"user_id": "M-1", "device_ids": [device]}
    again = (await client.post(f"{path}/test-send", json=by_shop)).json()
    assert [each["device_id"] for each in again["devices"]] == [device]
    for named, status in (({"user_id": "nobody's"}, 404), ({}, 400), (by_shop | {"customer_id": first}, 400)):
        assert (await client.post(f"{path}/test-send", json=named)).status_code == status
    assert ([each["device_id"] for each in tried["devices"]], tried["title"]) == ([device], "B")
    for wrong, code in (
        ({"variant": "C"}, "no_such_variant"),
        ({"step": 0}, "no_such_step"),
        ({"device_ids": [99]}, "device_not_found"),
    ):
        assert (await client.post(f"{path}/test-send", json=body | wrong)).json()["code"] == code
    assert (await client.post(f"{path}/archive")).json()["summary"]["archived"]
    assert [each["name"] for each in (await client.get("/campaigns")).json()] == ["Tea (2)"]
    assert [each["name"] for each in (await client.get("/campaigns", params={"archived": True})).json()] == ["Tea"]
    assert not (await client.post(f"{path}/restore")).json()["summary"]["archived"]
    for chosen, found in (({"state": "draft"}, 2), ({"state": "sent"}, 0), ({"kind": "event"}, 0), ({"q": "(2)"}, 1)):
        assert len((await client.get("/campaigns", params=chosen)).json()) == found, chosen
    assert (await client.get("/campaigns", params={"state": "asleep"})).status_code == 400
    assert (await client.get(f"{path}/progress")).json() == {"launches": 0, "people_today": 0, "last": []}


async def test_a_launch_that_waits_is_approved_or_passed_over(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    await floor.settings(approval_above=2)
    await floor.people(1)
    daily = {"kind": "recurring", "rrule": "FREQ=DAILY", "starts_at": floor.clock.now().isoformat()}
    number = (await made(client, floor, trigger=daily))["summary"]["campaign_id"]
    await client.post(f"/campaigns/{number}/send", json={"revision": 1})
    await floor.runs.launch_due()
    await floor.people(3)
    for word, body, status in (("approve", {}, 409), ("reject", {}, 400), ("reject", {"comment": "an import"}, 200)):
        floor.clock.advance(timedelta(days=1) if word == "approve" else timedelta())
        await floor.runs.launch_due()
        (held,) = (await client.get(f"/campaigns/{number}")).json()["waiting"]
        assert (held["people"], held["approved_for"]) == (4, None)
        answer = await client.post(f"/campaigns/{number}/launches/{held['occurrence']}/{word}", json=body)
        assert answer.status_code == status, "the one key wrote it: another has to approve it"
    assert answer.json()["waiting"] == []
    assert (await client.post(f"/campaigns/{number}/launches/1/reject", json={"comment": "why"})).status_code == 409
    assert (await client.post(f"/campaigns/{number}/launches/0/approve", json={})).status_code == 400


async def test_a_look_before_it_is_kept(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    weekly = {"kind": "recurring", "rrule": "FREQ=WEEKLY;BYDAY=FR;COUNT=3", "starts_at": NOON.isoformat()}
    segment = await floor.segment()
    body = {"name": "Tea", "segment_id": segment, "content": TEXT, "names_on_lock_screen": True, "trigger": weekly}
    answer = await client.post("/campaigns/preview", json=body)
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    moments = [datetime.fromisoformat(each) for each in seen["launches"]]
    first = NOON + timedelta(days=(4 - NOON.astimezone(ZoneInfo(seen["zone"])).weekday()) % 7)
    assert moments == [at for at in (first + timedelta(weeks=n) for n in range(3)) if at > NOON]
    assert (seen["audience"]["total"], seen["audience"]["reachable"]) == (10 * segment, 7 * segment)
    begins = {"scheduled_at": (first + timedelta(days=1)).isoformat()}
    later = (await client.post("/campaigns/preview", json=body | begins)).json()["launches"]
    assert later == [each for each in seen["launches"] if datetime.fromisoformat(each) > first]
    anybody = body | {"segment_id": None, "trigger": {"kind": "event", "event": "Application Opened"}}
    seen = (await client.post("/campaigns/preview", json=anybody)).json()
    assert (seen["launches"], seen["audience"]) == ([], None)

    for wrong, field in (
        ({"trigger": weekly | {"rrule": "FREQ=HOURLY"}}, "trigger.rrule"),
        ({"trigger": weekly | {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}}, "trigger.rrule"),
        ({"segment_id": 99}, "segment_id"),
    ):
        refused = await client.post("/campaigns/preview", json=body | wrong)
        assert (refused.status_code, refused.json()["field"]) == (400, field), refused.text
    assert (await client.get("/campaigns")).json() == []


async def test_a_look_asks_for_a_key_that_reads_campaigns(client: httpx.AsyncClient, floor: ShopFloor) -> None:
    key = await ApiKeys(floor.pool, floor.clock).create("other", scopes=["segments:read"])
    client.headers["Authorization"] = f"Bearer {key}"
    assert (await client.post("/campaigns/preview", json={"name": "Tea", "segment_id": 1})).status_code == 403
