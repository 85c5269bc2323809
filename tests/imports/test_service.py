"""Files go in once, whatever they hold and wherever a run stopped."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services import imports as module
from backend.services.definitions import Definitions
from backend.services.imports import Imports

NOW = datetime(2026, 4, 2, 3, tzinfo=UTC)


@pytest.fixture
def imports(pool: asyncpg.Pool, tmp_path: Path) -> Imports:
    return Imports(pool, FixedClock(NOW), tmp_path / "home")


def orders_file(folder: Path, *, orders: int = 25, name: str = "sales.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["伝票", "会員", "日時", "金額"])
        for number in range(orders):
            writer.writerow([f"A{number:03}", f"m{number % 7}", "2026-04-01 10:00", 100 + number])
            writer.writerow([f"A{number:03}", f"m{number % 7}", "2026-04-01 10:00", 50])
    return path


JAPANESE = ("伝票=order_id", "会員=customer_id", "日時=ordered_at", "金額=total")


async def payloads(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    return [row["payload"] for row in await pool.fetch("SELECT payload FROM event_log ORDER BY seq")]


async def test_orders_are_summed_stored_and_trusted(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    report = await imports.import_orders(orders_file(tmp_path), mapping=JAPANESE)
    assert (report.read, report.events, report.stored, report.repeated) == (50, 25, 25, 0)
    assert report.rejected == {}
    assert report.rejects_file is None
    stored = await pool.fetch("SELECT trusted, user_id, occurred_at, received_at FROM event_log")
    assert {(row["trusted"], row["received_at"]) for row in stored} == {(True, NOW)}
    assert {row["occurred_at"] for row in stored} == {datetime(2026, 4, 1, 1, tzinfo=UTC)}
    assert sum(each["properties"]["total"] for each in await payloads(pool)) == sum(150 + n for n in range(25))


async def test_a_file_in_another_encoding_is_read_when_it_is_named(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    path = orders_file(tmp_path, encoding="cp932")
    with pytest.raises(BadInput, match="--encoding cp932"):
        await imports.import_orders(path, mapping=JAPANESE)
    assert (await imports.import_orders(path, mapping=JAPANESE, encoding="cp932")).stored == 25


async def test_the_same_orders_in_another_file_are_repeated(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await imports.import_orders(orders_file(tmp_path), mapping=JAPANESE)
    report = await imports.import_orders(orders_file(tmp_path, orders=30, name="more.csv"), mapping=JAPANESE)
    assert (report.stored, report.repeated, report.again) == (5, 25, False)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 30


async def test_a_run_that_stopped_goes_on_where_it_was(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 10)
    path = orders_file(tmp_path)

    def stop(what: str, done: int, total: int) -> None:
        if what == "Storing orders" and done >= 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await imports.import_orders(path, mapping=JAPANESE, progress=stop)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 10
    report = await imports.import_orders(path, mapping=JAPANESE)
    assert (report.stored, report.repeated, report.again) == (25, 0, False)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 25
    assert await pool.fetchval("SELECT count(*) FROM imports") == 1
    assert (await imports.import_orders(path, mapping=JAPANESE)).again


async def test_lines_of_an_order_meet_whatever_the_bucket(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINES_AT_ONCE", 7)
    report = await imports.import_orders(orders_file(tmp_path), mapping=JAPANESE)
    assert report.stored == 25
    assert {each["properties"]["total"] for each in await payloads(pool)} == {150 + number for number in range(25)}


async def test_rejected_rows_are_listed_beside_the_file(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("order_id,customer_id,ordered_at,total\n1,,2026-04-01,5\n2,=x,soon,5\n3,c,2026-04-01,5\n4,c\n")
    report = await imports.import_orders(path)
    assert report.rejected == {"no customer_id": 1, "ordered_at is not a time": 1, "the row has not 4 columns": 1}
    assert report.stored == 1
    assert report.rejects_file == str(tmp_path / "sales.csv.rejects.csv")
    listed = (tmp_path / "sales.csv.rejects.csv").read_text("utf-8-sig").splitlines()
    assert listed[0] == "row,reason,value"
    assert {line.split(",")[0] for line in listed[1:]} == {"2", "3", "5"}
    path.write_text("order_id,customer_id,ordered_at,total\n3,c,2026-04-01,5\n")
    assert (await imports.import_orders(path)).rejects_file is None
    assert not (tmp_path / "sales.csv.rejects.csv").exists()


async def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("order_id,customer_id,ordered_at,total\n1,c,=SUM(A1),5\n")
    await imports.import_orders(path)
    assert ",'=SUM(A1)" in (tmp_path / "sales.csv.rejects.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "There is no file"),
        ("sales.xlsx", "x", "ends in none of"),
        ("empty.csv", "", "is empty"),
        ("twice.csv", "a,a\n1,2\n", "two columns named 'a'"),
        ("broken.parquet", "no", "is no Parquet file"),
        ("empty.ndjson", "", "holds no rows"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    imports: Imports, tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=sentence):
        await imports.import_orders(tmp_path / name)


@pytest.mark.parametrize(("option", "value"), [("currency", "pounds"), ("zone", "Tokyo")])
async def test_a_wrong_currency_or_zone_is_refused(imports: Imports, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(BadInput, match=value):
        await imports.import_orders(orders_file(tmp_path), mapping=JAPANESE, **{option: value})


async def test_orders_from_ndjson_and_parquet(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    row = {"order_id": 7, "customer_id": "c", "ordered_at": "2026-04-01T10:00:00", "total": 12}
    (tmp_path / "orders.ndjson").write_text(f"{json.dumps(row)}\n[1]\n\n")
    report = await imports.import_orders(tmp_path / "orders.ndjson")
    assert (report.stored, report.rejected) == (1, {"not a flat JSON object": 1})
    pl.DataFrame({**{key: [value] for key, value in row.items()}, "order_id": [8]}).write_parquet(
        tmp_path / "o.parquet"
    )
    assert (await imports.import_orders(tmp_path / "o.parquet")).stored == 1
    assert [each["properties"]["order_id"] for each in await payloads(pool)] == ["7", "8"]


EVENTS = [
    {"type": "track", "event": "Store Visited", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "a", "properties": {"store_id": "S1"}},
    {"type": "identify", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "b", "traits": {"family_name": "佐藤"}},
    {"type": "track", "event": "Order Completed", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "c", "properties": {"total": 5}},
]  # fmt: skip


async def test_events_of_one_object_a_line(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join([*map(json.dumps, EVENTS), "", "{", json.dumps(EVENTS[0])]))
    report = await imports.import_events(path)
    assert (report.read, report.events, report.stored, report.repeated) == (5, 3, 2, 1)
    assert report.rejected == {"missing property": 1, "unreadable": 1}
    listed = (tmp_path / "events.ndjson.rejects.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in listed[1:]] == ["3", "5"]


async def test_events_of_one_row_each(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "event,userId,timestamp,properties.order_id,properties.total,properties,traits.family_name\n"
        'Order Completed,007,2026-04-01T01:00:00Z,0012,1280,"{""currency"": ""JPY""}",\n'
        "Order Completed,007,2026-04-01T01:00:00Z,13,12,no,\n"
        ",007,2026-04-01T01:00:00Z,,,,\n"
    )
    report = await imports.import_events(path)
    assert (report.stored, sum(report.rejected.values())) == (1, 2)
    [payload] = await payloads(pool)
    assert payload["userId"] == "007"
    assert payload["properties"] == {"order_id": "0012", "total": 1280, "currency": "JPY"}


async def test_events_of_a_parquet_file(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    frame = pl.DataFrame({
        "type": ["track", "track"], "event": ["Store Visited", "Product Viewed"], "userId": ["u", "u"],
        "timestamp": [datetime(2026, 4, 1, 1, tzinfo=UTC)] * 2,
        "properties": [{"store_id": "S1", "product_id": None}, {"store_id": None, "product_id": "P1"}],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "events.parquet")
    report = await imports.import_events(tmp_path / "events.parquet")
    assert (report.stored, report.rejected) == (2, {})
    assert [each["properties"] for each in await payloads(pool)] == [{"store_id": "S1"}, {"product_id": "P1"}]
    assert (await imports.import_events(tmp_path / "events.parquet")).again


async def test_coupons_and_stores_are_defined_from_files(pool: asyncpg.Pool, tmp_path: Path) -> None:
    definitions = Definitions(pool)
    (tmp_path / "coupons.csv").write_text(
        "coupon_id,title,valid_from,valid_until,audience\nc1,春,2026-04-01,2026-04-30,issued\n"
    )
    (tmp_path / "stores.csv").write_text("store_id,name,name_en,prefecture\nS1,本店,Main,東京都\n")
    for _ in range(2):
        assert await definitions.import_coupons(tmp_path / "coupons.csv") == 1
        assert await definitions.import_stores(tmp_path / "stores.csv") == 1
    coupon = await pool.fetchrow("SELECT * FROM coupons")
    assert (coupon["title"]["ja"], str(coupon["valid_until"]), coupon["audience"]) == ("春", "2026-04-30", "issued")
    assert (await pool.fetchrow("SELECT * FROM stores"))["name"] == {"ja": "本店", "en": "Main"}


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("coupon_id,valid_until\nc1,soon\n", "Row 2: valid_until is soon"),
        ("coupon_id,valid_from,valid_until\nc1,2026-04-02,2026-04-01\n", "is before valid_from"),
        ("coupon_id,audience\nc1,friends\n", "must be public or issued"),
        ("title\nx\n", "Row 2 has no coupon_id"),
    ],
)
async def test_a_coupon_that_cannot_be_defined_leaves_all_as_it_was(
    pool: asyncpg.Pool, tmp_path: Path, rows: str, sentence: str
) -> None:
    (tmp_path / "coupons.csv").write_text(rows)
    with pytest.raises(BadInput, match=sentence):
        await Definitions(pool).import_coupons(tmp_path / "coupons.csv")
    assert await pool.fetchval("SELECT count(*) FROM coupons") == 0
