"""Files go in once, whatever they hold and wherever a run stopped."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput
from backend.services.definitions import Definitions
from backend.services.imports import parts as module
from backend.services.imports.runs import Imports
from backend.services.imports.values import Choices
from segments.import_fields import Kind

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


JAPANESE = Choices(mapping=(("伝票", "order_id"), ("会員", "customer_id"), ("日時", "ordered_at"), ("金額", "total")))


async def payloads(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    return [row["payload"] for row in await pool.fetch("SELECT payload FROM event_log ORDER BY seq")]


async def test_orders_are_summed_stored_and_trusted(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    report = await imports.run(Kind.ORDERS, orders_file(tmp_path), JAPANESE)
    assert (report.read, report.events, report.stored, report.repeated) == (50, 25, 25, 0)
    assert report.rejected == {}
    assert report.rejects_file is None
    stored = await pool.fetch("SELECT trusted, user_id, occurred_at, received_at FROM event_log")
    assert {(row["trusted"], row["received_at"]) for row in stored} == {(True, NOW)}
    assert {row["occurred_at"] for row in stored} == {datetime(2026, 4, 1, 1, tzinfo=UTC)}
    assert sum(each["properties"]["total"] for each in await payloads(pool)) == sum(150 + n for n in range(25))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
async def test_the_encoding_is_found_out_or_named(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path, encoding: str
) -> None:
    path = orders_file(tmp_path, encoding=encoding)
    assert (await imports.run(Kind.ORDERS, path, JAPANESE)).stored == 25
    named = await imports.run(Kind.ORDERS, path, replace(JAPANESE, encoding=encoding))
    assert (named.again, named.stored, named.repeated) == (True, 0, 25)


async def test_an_encoding_that_the_file_has_not_is_refused(imports: Imports, tmp_path: Path) -> None:
    path = orders_file(tmp_path, encoding="cp932")
    with pytest.raises(BadInput, match="--encoding cp932"):
        await imports.run(Kind.ORDERS, path, replace(JAPANESE, encoding="utf-8"))
    (tmp_path / "latin.csv").write_bytes("é,ü\n".encode("latin-1") * 3)
    with pytest.raises(BadInput, match="neither UTF-8 nor CP932"):
        await imports.run(Kind.ORDERS, tmp_path / "latin.csv")


async def test_the_same_orders_in_another_file_are_repeated(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await imports.run(Kind.ORDERS, orders_file(tmp_path), JAPANESE)
    report = await imports.run(Kind.ORDERS, orders_file(tmp_path, orders=30, name="more.csv"), JAPANESE)
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
        await imports.run(Kind.ORDERS, path, JAPANESE, progress=stop)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 10
    report = await imports.run(Kind.ORDERS, path, JAPANESE)
    assert (report.stored, report.repeated, report.again) == (25, 0, False)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 25
    assert await pool.fetchval("SELECT count(*) FROM imports") == 1
    assert (await imports.run(Kind.ORDERS, path, JAPANESE)).again


async def test_lines_of_an_order_meet_whatever_the_bucket(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINES_AT_ONCE", 7)
    report = await imports.run(Kind.ORDERS, orders_file(tmp_path), JAPANESE)
    assert report.stored == 25
    assert {each["properties"]["total"] for each in await payloads(pool)} == {150 + number for number in range(25)}


async def test_rejected_rows_can_be_corrected_and_imported_again(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("order_id,customer_id,ordered_at,total\n1,,2026-04-01,5\n2,=x,soon,-5\n3,c,2026-04-01,5\n4,c\n")
    report = await imports.run(Kind.ORDERS, path)
    wrong = "the row has another number of cells"
    assert report.rejected == {wrong: 1, "no customer_id": 1, "ordered_at is not a time": 1}
    assert report.stored == 1
    rejects = tmp_path / "sales.csv.rejects.csv"
    assert report.rejects_file == str(rejects)
    assert rejects.stat().st_mode & 0o777 == 0o600
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.reader(file))
    assert listed[0] == [
        "joren_row",
        "joren_reason",
        "joren_reason_ja",
        "joren_value",
        "order_id",
        "customer_id",
        "ordered_at",
        "total",
    ]
    assert sorted(listed[1:]) == [
        ["2", "no customer_id", "会員番号がありません", "1", "1", "", "2026-04-01", "5"],
        ["3", "ordered_at is not a time", "注文日時を日時として読めません", "soon", "2", "'=x", "soon", "-5"],
        ["5", wrong, "列の数が見出しと合いません", "2 instead of 4", "4", "c", "", ""],
    ]
    mended = tmp_path / "mended.csv"
    mended.write_text(rejects.read_text("utf-8-sig").replace("soon,-5", "2026-04-01,-5"), "utf-8-sig")
    again = await imports.run(Kind.ORDERS, mended)
    assert (again.stored, sum(again.rejected.values())) == (1, 2)
    assert (await payloads(pool))[-1]["userId"] == "=x"
    path.write_text("order_id,customer_id,ordered_at,total\n3,c,2026-04-01,5\n")
    assert (await imports.run(Kind.ORDERS, path)).rejects_file is None
    assert not rejects.exists()


async def test_orders_that_contradict_themselves_are_rejected_with_their_rows(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("order_id,customer_id,ordered_at,total\n1,a,2026-04-01,5\n1,b,2026-04-01,7\n2,b,2026-04-01,9\n")
    report = await imports.run(Kind.ORDERS, path)
    assert (report.stored, report.rejected) == (1, {"the order names two customers": 2})
    listed = (tmp_path / "sales.csv.rejects.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[4:] for line in listed[1:]] == [
        ["1", "a", "2026-04-01", "5"],
        ["1", "b", "2026-04-01", "7"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "There is no file"),
        ("sales.xls", "x", "ends in none of"),
        ("sales.xlsx", "x", "is no .xlsx workbook"),
        ("image.csv", "\0\1", "is no text file"),
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
        await imports.run(Kind.ORDERS, tmp_path / name)


@pytest.mark.parametrize(("option", "value"), [("currency", "pounds"), ("zone", "Tokyo")])
async def test_a_wrong_currency_or_zone_is_refused(imports: Imports, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(BadInput, match=value):
        await imports.run(Kind.ORDERS, orders_file(tmp_path), replace(JAPANESE, **{option: value}))


async def test_orders_from_ndjson_and_parquet(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    row = {"order_id": 7, "customer_id": "c", "ordered_at": "2026-04-01T10:00:00", "total": 12}
    (tmp_path / "orders.ndjson").write_text(f"{json.dumps(row)}\n[1]\n\n")
    report = await imports.run(Kind.ORDERS, tmp_path / "orders.ndjson")
    assert (report.stored, report.rejected) == (1, {"not a flat JSON object": 1})
    pl.DataFrame({**{key: [value] for key, value in row.items()}, "order_id": [8]}).write_parquet(
        tmp_path / "o.parquet"
    )
    assert (await imports.run(Kind.ORDERS, tmp_path / "o.parquet")).stored == 1
    assert [each["properties"]["order_id"] for each in await payloads(pool)] == ["7", "8"]


EVENTS = [
    {"type": "track", "event": "Store Visited", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "a", "properties": {"store_id": "S1"}},
    {"type": "identify", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "b", "traits": {"family_name": "佐藤"}},
    {"type": "track", "event": "Order Completed", "userId": "u1", "timestamp": "2026-04-01T01:00:00Z", "messageId": "c", "properties": {"total": 5}},
]  # fmt: skip


async def test_events_of_one_object_a_line(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join([*map(json.dumps, EVENTS), "", "{", json.dumps(EVENTS[0])]))
    report = await imports.run(Kind.EVENTS, path)
    assert (report.read, report.events, report.stored, report.repeated) == (5, 3, 2, 1)
    assert report.rejected == {"missing property": 1, "unreadable": 1}
    listed = [json.loads(line) for line in (tmp_path / "events.ndjson.rejects.ndjson").read_text().splitlines()]
    assert [line["joren_row"] for line in listed] == [3, 5]
    assert {name: value for name, value in listed[0].items() if not name.startswith("joren_")} == EVENTS[2]
    assert listed[1]["joren_line"] == "{"
    mended = {**listed[0], "properties": {"order_id": "1", "total": 5}}
    (tmp_path / "mended.ndjson").write_text(f"{json.dumps(mended)}\n")
    assert (await imports.run(Kind.EVENTS, tmp_path / "mended.ndjson")).stored == 1
    assert "joren_row" not in (await payloads(pool))[-1]


async def test_events_of_one_row_each(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "event,userId,timestamp,properties.order_id,properties.total,properties,traits.family_name\n"
        'Order Completed,007,2026-04-01T01:00:00Z,0012,1280,"{""currency"": ""JPY""}",\n'
        "Order Completed,007,2026-04-01T01:00:00Z,13,12,no,\n"
        ",007,2026-04-01T01:00:00Z,,,,\n"
    )
    report = await imports.run(Kind.EVENTS, path)
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
    report = await imports.run(Kind.EVENTS, tmp_path / "events.parquet")
    assert (report.stored, report.rejected) == (2, {})
    assert [each["properties"] for each in await payloads(pool)] == [{"store_id": "S1"}, {"product_id": "P1"}]
    assert (await imports.run(Kind.EVENTS, tmp_path / "events.parquet")).again


async def test_coupons_are_defined_from_files(pool: asyncpg.Pool, tmp_path: Path) -> None:
    definitions = Definitions(pool)
    (tmp_path / "coupons.csv").write_text(
        "coupon_id,title,valid_from,valid_until,audience\nc1,春,2026-04-01,2026-04-30,issued\n"
    )
    for _ in range(2):
        assert await definitions.import_coupons(tmp_path / "coupons.csv") == 1
    coupon = await pool.fetchrow("SELECT * FROM coupons")
    assert (coupon["title"]["ja"], str(coupon["valid_until"]), coupon["audience"]) == ("春", "2026-04-30", "issued")


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
