"""Facts of other services reach the outbox: merges, ended imports and exports, erasures."""

from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.clock import FixedClock
from backend.outbound.client import Caller
from backend.services.imports.runs import Imports
from backend.services.imports.values import Choices
from backend.services.webhooks.endpoints import Webhooks
from campaigns.notices import CHOICES
from segments.exports import What, Wish
from segments.import_fields import Kind
from tests.exports.shop import NOW, Desk
from tests.services.refreshing import Shop, order


@pytest.fixture(autouse=True)
async def endpoint(pool: asyncpg.Pool) -> None:
    """Somebody who asked to be told of everything."""
    webhooks = Webhooks(pool, FixedClock(NOW), rules=Caller())
    await webhooks.add("https://hooks.example/", types=CHOICES, by="test")


async def told(pool: asyncpg.Pool) -> list[tuple[str, dict[str, Any]]]:
    rows = await pool.fetch(
        "SELECT m.type, m.body FROM webhook_deliveries JOIN webhook_messages AS m USING (message_id)"
    )
    return [(row["type"], msgspec.json.decode(row["body"])["data"]) for row in rows]


async def test_a_merge_is_told_with_both_numbers(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 200, user="u2"))
    await shop.refresh.run_once()
    assert await told(pool) == []
    await shop.send("server", {"type": "alias", "userId": "u1", "previousId": "u2"})
    await shop.refresh.run_once()
    gone = await pool.fetchrow("SELECT customer_id, merged_into FROM customers WHERE merged_into IS NOT NULL")
    assert await told(pool) == [("customer.merged", {"customer_id": gone["customer_id"], "into": gone["merged_into"]})]


async def test_an_export_that_is_imported_is_told_twice_and_changes_nothing(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """import(export(x)) = x for whole events, and both ends are told."""
    desk = Desk(pool, tmp_path / "home")
    properties = {"order_id": "=A1", "total": -12.5, "note": '"はい",\r\n＝1+1', "tags": ["a", None], "inner": {"n": 1}}
    await desk.event(1, properties=properties, context={"locale": "ja"}, userId="-5")
    await desk.event(2, event="Store Visited", properties={"store_id": "'渋谷"})
    before = [row["payload"] for row in await pool.fetch("SELECT payload FROM event_log ORDER BY seq")]
    await desk.exports.order(Wish(what=What.EVENTS), by="aya")
    await desk.exports.work()
    path = tmp_path / "again.csv"
    (await desk.exports.fetch(1, by="aya")).path.rename(path)
    report = await Imports(pool, FixedClock(NOW), tmp_path / "home").run(Kind.EVENTS, path, Choices())
    assert (report.stored, report.rejected) == (2, {})
    rows = await pool.fetch("SELECT payload FROM event_log WHERE source_id <> 1 ORDER BY seq")
    kept = ("type", "event", "userId", "messageId", "properties", "context")
    assert [{key: row["payload"].get(key) for key in kept} for row in rows] == [
        {key: one.get(key) for key in kept} for one in before
    ]
    done, taken_in = await told(pool)
    assert done == ("export.finished", {"export_id": 1, "what": "events", "format": "csv", "state": "done", "rows": 2})
    assert (taken_in[0], taken_in[1]["kind"], taken_in[1]["stored"]) == ("import.finished", "events", 2)
