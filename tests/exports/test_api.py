"""Exports and webhooks for server programs: order, ask, fetch; and the same on the command line."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.settings import BadSettings, Settings, read
from backend.wiring import open_services
from tests.api.conftest import NOW, client_of, server_api
from tests.fixtures.commands import joren

URL = "https://hooks.example/joren"


@pytest.fixture
async def api(dsn: str, tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    settings = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"))
    async with open_services(settings, clock=FixedClock(NOW)) as services:
        scopes = ["customers:read", "exports:read", "exports:write", "webhooks:write"]
        key = await services.api_keys.create("warehouse", scopes=scopes)
        async with client_of(server_api(services)) as client:
            client.headers["Authorization"] = f"Bearer {key}"
            yield SimpleNamespace(client=client, services=services)


async def test_a_program_orders_waits_and_fetches(api: SimpleNamespace) -> None:
    client: httpx.AsyncClient = api.client
    await api.services.pool.execute(
        "INSERT INTO customers (user_id, created_at, born_source_id) VALUES ('=1', now(), 1)"
    )
    ordered = await client.post("/api/v1/exports", json={"what": "customers", "columns": ["user_id"]})
    assert (ordered.status_code, ordered.json()["state"]) == (202, "queued")
    place = f"/api/v1/exports/{ordered.json()['id']}"
    early = await client.get(f"{place}/file")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert await api.services.exports.work() == 1
    told = (await client.get(place)).json()
    assert (told["state"], told["rows"], told["share"], told["bytes"]) == ("done", 1, 1.0, 18)
    fetched = await client.get(f"{place}/file")
    assert fetched.content == b'"user_id"\r\n"\'=1"\r\n'
    assert fetched.headers["content-disposition"] == 'attachment; filename="joren-customers-1.csv"'
    assert [one["id"] for one in (await client.get("/api/v1/exports")).json()] == [told["id"]]
    actors = await api.services.pool.fetch("SELECT actor, action FROM audit_log WHERE action LIKE 'export.%'")
    assert [tuple(row) for row in actors] == [
        ("API key warehouse", "export.order"),
        ("API key warehouse", "export.download"),
    ]


async def test_files_about_persons_take_a_key_that_may_read_customers(api: SimpleNamespace) -> None:
    ordered = (await api.client.post("/api/v1/exports", json={"what": "customers"})).json()
    await api.services.exports.work()
    key = await api.services.api_keys.create("figures", scopes=["exports:read", "exports:write"])
    figures = {"Authorization": f"Bearer {key}"}
    refused = [
        await api.client.post("/api/v1/exports", json={"what": "customers"}, headers=figures),
        await api.client.get(f"/api/v1/exports/{ordered['id']}/file", headers=figures),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "scope_missing")] * 2
    kpis = await api.client.post("/api/v1/exports", json={"what": "kpi", "kpis": ["dau"]}, headers=figures)
    assert kpis.status_code == 202


async def test_figures_are_ordered_by_a_question(api: SimpleNamespace) -> None:
    wish = {"what": "kpi", "kpis": ["dau"], "by": "rank", "compare": "previous", "as_of": "2026-03-20"}
    ordered = await api.client.post("/api/v1/exports", json=wish)
    assert (ordered.status_code, ordered.json()["wish"]["compare"]) == (202, "previous")
    for field, value in (("by", "rnk"), ("compare", "previos"), ("kpis", ["dua"])):
        refused = (await api.client.post("/api/v1/exports", json=wish | {field: value})).json()
        assert (refused["code"], refused["field"]) == ("bad_export", field)
        assert "the nearest" in refused["message"]


async def test_a_wish_that_cannot_be_is_refused(api: SimpleNamespace) -> None:
    wishes: list[dict[str, Any]] = [
        {"what": "everything"},
        {"what": "events", "first": "2026-01-01"},
        {"what": "events", "colour": 1},
        {"what": "campaign", "campaign_id": 2**40},
        {"what": "customers", "columns": ["password"]},
        {},
    ]
    for wish in wishes:
        answer = await api.client.post("/api/v1/exports", json=wish)
        assert answer.status_code == 400, wish
        assert answer.json()["message"], wish


async def test_a_number_nobody_has(api: SimpleNamespace) -> None:
    for number in ("0", "99", "9223372036854775807", "99999999999999999999"):
        for path in (f"exports/{number}", f"exports/{number}/file"):
            assert (await api.client.get(f"/api/v1/{path}")).status_code in (400, 404), path
        again = f"/api/v1/webhooks/deliveries/{number}/resend"
        assert (await api.client.post(again)).status_code in (400, 404), number
        assert (await api.client.delete(f"/api/v1/webhooks/{number}")).status_code in (400, 404), number


async def test_webhooks_are_registered_and_rotated_by_a_program(api: SimpleNamespace) -> None:
    made = await api.client.post("/api/v1/webhooks", json={"url": URL, "types": ["export.finished"]})
    assert made.status_code == 201
    number, secret = made.json()["endpoint"]["endpoint_id"], made.json()["secret"]
    rotated = await api.client.post(f"/api/v1/webhooks/{number}/secret")
    assert rotated.json()["secret"].startswith("whsec_")
    assert rotated.json()["secret"] != secret
    pinged = await api.client.post(f"/api/v1/webhooks/{number}/ping")
    assert pinged.status_code == 202
    assert (
        await api.client.post(f"/api/v1/webhooks/deliveries/{pinged.json()['delivery_id']}/resend")
    ).status_code == 202
    changed = await api.client.put(f"/api/v1/webhooks/{number}", json={"url": URL, "types": ["events.failed"]})
    assert changed.json()["event_types"] == ["events.failed"]
    for action in ("disable", "enable"):
        assert (await api.client.post(f"/api/v1/webhooks/{number}/{action}")).status_code == 204
    inside = await api.client.post("/api/v1/webhooks", json={"url": "https://10.0.0.1/", "types": ["events.failed"]})
    assert (inside.status_code, inside.json()["field"]) == (400, "url")
    assert (await api.client.get("/api/v1/webhooks")).status_code == 403
    assert (await api.client.delete(f"/api/v1/webhooks/{number}")).status_code == 204


async def test_who_may_read_sees_the_log_and_no_secret(api: SimpleNamespace) -> None:
    made = (await api.client.post("/api/v1/webhooks", json={"url": URL, "types": ["export.finished"]})).json()
    await api.client.post(f"/api/v1/webhooks/{made['endpoint']['endpoint_id']}/ping")
    key = await api.services.api_keys.create("reader", scopes=["webhooks:read"])
    headers = {"Authorization": f"Bearer {key}"}
    listed = await api.client.get("/api/v1/webhooks", headers=headers)
    log = await api.client.get("/api/v1/webhooks/deliveries?state=waiting", headers=headers)
    one = await api.client.get(f"/api/v1/webhooks/deliveries/{log.json()[0]['delivery_id']}", headers=headers)
    assert (listed.json()[0]["waiting"], log.json()[0]["type"]) == (1, "webhook.ping")
    assert json.loads(one.json()["body"])["type"] == "webhook.ping"
    assert "whsec_" not in listed.text + log.text + one.text


def test_the_command_writes_files(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    where = {"home": tmp_path, "DATABASE_URL": dsn}
    done = joren("export", "customers", "--without-names", "--output", str(tmp_path / "c.xlsx"), **where)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'c.xlsx'}: 0 rows.\n"), done.stderr
    again = joren("export", "customers", "--output", str(tmp_path / "c.xlsx"), **where)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    table = joren("export", "kpi", "launch_rate", "--output", "-", **where)
    assert table.stdout.startswith('"kpi","segment","from"'), table.stderr
    parquet = joren("export", "history", "--output", str(tmp_path / "h.parquet"), "--json", **where)
    assert json.loads(parquet.stdout)["rows"] == 0
    assert "customer_id" in pl.read_parquet(tmp_path / "h.parquet").columns


def test_the_command_registers_webhooks(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    where = {"home": tmp_path, "DATABASE_URL": dsn}
    refused = joren("webhook", "add", "https://127.0.0.1:9443/", "--type", "export.finished", **where)
    assert (refused.returncode, "443" in refused.stderr) == (2, True)
    allowed = {**where, "JOREN_WEBHOOK_ALLOW": "127.0.0.1:9443"}
    made = joren("webhook", "add", "https://127.0.0.1:9443/", "--type", "export.finished", "--json", **allowed)
    assert json.loads(made.stdout)["secret"].startswith("whsec_"), made.stderr
    assert joren("webhook", "ping", "1", **where).returncode == 0
    log = json.loads(joren("webhook", "deliveries", "--json", **where).stdout)
    assert [(one["type"], one["state"]) for one in log] == [("webhook.ping", "waiting")]


def test_what_may_be_called_is_named_by_host_and_port() -> None:
    assert read({"JOREN_WEBHOOK_ALLOW": "Hooks.Shop:9443, 10.0.0.1:443"}).webhook_allow == (
        "hooks.shop:9443",
        "10.0.0.1:443",
    )
    for wrong in ("hooks.shop", "hooks.shop:", ":443", "hooks.shop:https"):
        with pytest.raises(BadSettings):
            read({"JOREN_WEBHOOK_ALLOW": wrong})
