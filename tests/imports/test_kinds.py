"""Customers, products, stores and events from rows: what they become, what is kept, what says nothing new."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.services.imports.runs import Imports
from backend.services.imports.values import Choices
from segments.import_fields import BadMapping, Kind, guess_mapping, read_mapping
from segments.import_reasons import REASONS
from tests.services.refreshing import Shop

NOW = datetime(2026, 4, 2, 3, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def imports(pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path) -> Imports:
    return Imports(pool, clock, tmp_path / "home")


def table(path: Path, header: list[str], *rows: list[str], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


MEMBERS = ["会員番号", "姓", "名", "メールアドレス", "生年月日", "性別", "会員ランク", "入会日", "プッシュ許諾", "備考"]
HANAKO = ["0012", "佐藤", "花子", "hanako@example.jp", "昭和63年4月1日", "女性", "ゴールド", "2024/4/1", "○", "常連"]
OWN = Choices(mapping=(("備考", "traits.note"),))


async def payloads(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    return [row["payload"] for row in await pool.fetch("SELECT payload FROM event_log ORDER BY seq")]


async def test_a_member_is_known_to_the_shop_with_rank_and_join_date(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    report = await imports.run(Kind.CUSTOMERS, table(tmp_path / "members.csv", MEMBERS, HANAKO, encoding="cp932"), OWN)
    assert (report.read, report.events, report.stored, report.rejected) == (1, 3, 3, {})
    shop = Shop(pool, tmp_path)
    shop.pass_time(timedelta(days=1))
    await shop.refresh.run_until_current()
    member = await pool.fetchrow("SELECT * FROM customers")
    assert (member["user_id"], member["known_to_shop"], member["display_name"]) == ("0012", True, "佐藤 花子")
    known = ("birthday", "gender", "email", "note")
    assert [member["traits"][name] for name in known] == ["1988-04-01", "female", "hanako@example.jp", "常連"]
    row = await shop.row("0012")
    assert (row["rank"], str(row["joined"])) == ("ゴールド", "2024-04-01")
    assert await pool.fetchval("SELECT granted FROM consents") is True


async def test_what_a_file_says_again_is_not_stored_and_what_it_says_anew_is(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    renamed = [HANAKO[0], "鈴木", *HANAKO[2:]]
    stored = []
    for number, row in enumerate([HANAKO, HANAKO, renamed, HANAKO, [*HANAKO[:6], "", *HANAKO[7:]]]):
        report = await imports.run(Kind.CUSTOMERS, table(tmp_path / f"{number}.csv", MEMBERS, row), OWN)
        stored.append((report.stored, report.repeated))
    assert stored == [(3, 0), (0, 3), (1, 2), (1, 2), (0, 2)]
    assert [each["traits"]["family_name"] for each in await payloads(pool) if each["type"] == "identify"] == ["佐藤", "鈴木", "佐藤"]  # fmt: skip


async def test_a_blank_cell_says_nothing(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:
    await imports.run(Kind.CUSTOMERS, table(tmp_path / "m.csv", MEMBERS, ["7", "佐藤", *[""] * 8]))
    [identify] = await payloads(pool)
    assert identify["traits"] == {"family_name": "佐藤"}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("会員番号", "", "no customer_id"), ("会員番号", "x" * 256, "an id has more than 255 characters"), ("メールアドレス", "hanako", "email is not a mail address"),
        ("生年月日", "soon", "birthday is not a day"), ("生年月日", "2026-04-03", "birthday is before 1900 or in the future"), ("性別", "?", "gender is neither female, male nor other"),
        ("入会日", "soon", "joined_at is not a time"), ("入会日", "2030-01-01", "joined_at is in the future"), ("プッシュ許諾", "maybe", "push_consent is neither yes nor no"),
        ("姓", "x" * 1001, "a text has more than 1000 characters"),
    ],
)  # fmt: skip
async def test_a_member_that_cannot_be_is_rejected(
    imports: Imports, tmp_path: Path, column: str, value: str, reason: str
) -> None:
    row = [value if name == column else cell for name, cell in zip(MEMBERS, HANAKO, strict=True)]
    report = await imports.run(Kind.CUSTOMERS, table(tmp_path / "m.csv", MEMBERS, row))
    assert (report.stored, report.rejected) == (0, {reason: 1})
    assert reason in REASONS


async def test_products_and_stores_are_defined_changed_and_left(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    header = ["商品コード", "商品名", "カテゴリー", "価格"]
    first = table(tmp_path / "1.csv", header, ["P1", "あんぱん", "菓子パン", "￥１８０"], ["P2", "食パン", "", ""], ["P3", "x", "", "1.5"], ["P4", "", "", "-1"])  # fmt: skip
    report = await imports.run(Kind.PRODUCTS, first)
    assert (report.stored, report.rejected) == (2, {"more decimals than the currency has": 1, "price is below zero": 1})
    report = await imports.run(Kind.PRODUCTS, table(tmp_path / "2.csv", header, ["P1", "", "", "190"], ["P2", "食パン", "", ""]))  # fmt: skip
    assert (report.stored, report.repeated) == (1, 1)
    rows = await pool.fetch("SELECT product_id, name ->> 'ja', category, price FROM products ORDER BY 1")
    assert [tuple(row) for row in rows] == [("P1", "あんぱん", "菓子パン", 190), ("P2", "食パン", None, None)]
    stores = table(tmp_path / "s.csv", ["店番", "店名", "英語名", "都道府県"], ["S1", "本店", "Main", "東京都"])
    assert [(await imports.run(Kind.STORES, stores)).stored for _ in range(2)] == [1, 0]
    assert (await pool.fetchrow("SELECT * FROM stores"))["name"] == {"ja": "本店", "en": "Main"}


async def test_a_definition_that_was_changed_since_is_defined_again(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    one = table(tmp_path / "1.csv", ["店番", "店名"], ["S1", "本店"])
    other = table(tmp_path / "2.csv", ["店番", "店名"], ["S1", "旧店"])
    assert [(await imports.run(Kind.STORES, file)).stored for file in (one, other, one)] == [1, 1, 1]
    assert await pool.fetchval("SELECT name ->> 'ja' FROM stores") == "本店"


async def test_order_lines_take_the_category_of_their_product_and_pages_the_names(
    imports: Imports, pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path
) -> None:
    from backend.services.people import People

    await imports.run(
        Kind.PRODUCTS, table(tmp_path / "p.csv", ["sku", "name", "category"], ["P1", "あんぱん", "菓子パン"])
    )
    await imports.run(Kind.STORES, table(tmp_path / "s.csv", ["store_id", "name"], ["S1", "本店"]))
    header = ["注文番号", "会員番号", "注文日時", "金額", "店舗", "商品コード", "カテゴリー"]
    rows = [["1", "m", "2026-04-01", "180", "S1", "P1", ""], ["1", "m", "2026-04-01", "90", "S1", "P1", "特売"]]
    await imports.run(Kind.ORDERS, table(tmp_path / "o.csv", header, *rows))
    shop = Shop(pool, tmp_path)
    await shop.refresh.run_until_current()
    lines = shop.lake.order_lines().select("category").collect()["category"].to_list()
    assert sorted(lines) == ["特売", "菓子パン"]
    customer = await pool.fetchval("SELECT customer_id FROM customers")
    timeline = await People(pool, clock, shop.asked).timeline(customer)
    called = {each.name: each.called for entry in timeline.entries for each in entry.properties}
    assert called["store_id"] == {"ja": "本店", "en": "本店"}


async def test_events_from_rows_are_mapped_and_in_business_time(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    header = ["イベント名", "会員番号", "日時", "店舗", "天気"]
    rows = [["Store Visited", "7", "2026/4/1 9:00", "S1", "晴"], ["Store Visited", "7", "いつか", "S1", ""]]
    choices = Choices(mapping=(("天気", "properties.weather"),))
    report = await imports.run(Kind.EVENTS, table(tmp_path / "e.csv", header, *rows), choices)
    assert (report.stored, report.rejected) == (1, {"timestamp is not a time": 1})
    [event] = await payloads(pool)
    assert event["timestamp"] == "2026-04-01T00:00:00+00:00"
    assert event["properties"] == {"store_id": "S1", "weather": "晴"}
    assert (await imports.run(Kind.EVENTS, tmp_path / "e.csv", choices)).again


async def test_an_archive_is_not_corrected_for_the_time_it_lay(imports: Imports, pool: asyncpg.Pool, tmp_path: Path) -> None:  # fmt: skip
    event = {"type": "track", "event": "Store Visited", "userId": "u", "messageId": "a", "timestamp": "2026-03-01T00:00:00Z", "originalTimestamp": "2026-03-01T09:00:00Z", "sentAt": "2026-03-01T00:00:05Z"}  # fmt: skip
    (tmp_path / "archive.ndjson").write_text(json.dumps(event))
    await imports.run(Kind.EVENTS, tmp_path / "archive.ndjson")
    assert await pool.fetchval("SELECT occurred_at FROM event_log") == datetime(2026, 3, 1, tzinfo=UTC)


async def test_an_order_that_comes_again_after_the_dedupe_window_is_not_doubled(
    imports: Imports, pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path
) -> None:
    header = ["注文番号", "会員番号", "注文日時", "金額"]
    await imports.run(Kind.ORDERS, table(tmp_path / "march.csv", header, ["1", "m", "2026-04-01", "180"]))
    await pool.execute("DELETE FROM event_ids")
    rows = [["1", "m", "2026-04-01", "180"], ["2", "m", "2026-04-01", "90"]]
    report = await imports.run(Kind.ORDERS, table(tmp_path / "april.csv", header, *rows))
    assert (report.stored, report.repeated) == (1, 1)
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 2


async def test_a_preview_stores_nothing_and_shows_what_would_be(
    imports: Imports, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    path = table(tmp_path / "m.csv", MEMBERS, HANAKO, ["8", *[""] * 3, "soon", *[""] * 5], ["9"])
    preview = await imports.preview(Kind.CUSTOMERS, path, OWN)
    assert (preview.looked_at, preview.fits, preview.whole, preview.total) == (3, 1, True, 3)
    assert preview.rejected == {"birthday is not a day": 1, "the row has another number of cells": 1}
    first = dict(zip(preview.fields, preview.rows[0].cells, strict=True))
    assert (first["birthday"], first["gender"], first["push_consent"], first["traits.note"]) == ("1988-04-01", "female", "✓", "常連")  # fmt: skip
    assert [(row.number, row.problem) for row in preview.rows[1:]] == [(3, "birthday is not a day"), (4, "the row has another number of cells")]  # fmt: skip
    assert await pool.fetchval("SELECT count(*) FROM imports") == 0


def test_headers_are_recognised_and_a_guess_can_be_overruled() -> None:
    columns = ["受注番号", "お客様番号", "受注日時", "税込合計", "数量", "販売店舗", "Ｅ－ｍａｉｌ"]
    found = {"order_id": "受注番号", "customer_id": "お客様番号", "ordered_at": "受注日時", "total": "税込合計", "quantity": "数量", "store": "販売店舗"}  # fmt: skip
    assert guess_mapping(Kind.ORDERS, columns) == found
    assert guess_mapping(Kind.CUSTOMERS, columns) == {"customer_id": "お客様番号", "email": "Ｅ－ｍａｉｌ"}
    overruled = read_mapping(Kind.ORDERS, [("数量", ""), ("販売店舗", "category")], columns)
    assert overruled == {name: column for name, column in found.items() if name not in ("quantity", "store")} | {"category": "販売店舗"}  # fmt: skip
    with pytest.raises(BadMapping, match="No column stands for order_id"):
        read_mapping(Kind.ORDERS, [], columns, guess=False)
    with pytest.raises(BadMapping, match="There is no field nonsense"):
        read_mapping(Kind.ORDERS, [("数量", "nonsense")], columns)


def test_every_kind_has_its_field_names_as_headers() -> None:
    from segments.import_fields import FIELDS

    for kind, fields in FIELDS.items():
        names = [field.name for field in fields]
        assert guess_mapping(kind, names) == {name: name for name in names}


async def test_our_own_explanations_are_no_columns(imports: Imports, tmp_path: Path) -> None:
    look = await imports.look(
        Kind.STORES, table(tmp_path / "s.csv", ["joren_row", "店番", "店名"], ["1", "S1", "本店"])
    )
    assert look.guessed == {"store_id": "店番", "name": "店名"}
