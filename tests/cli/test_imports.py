"""`joren import` as a person meets it."""

import json
from pathlib import Path

import asyncpg

from tests.fixtures.commands import joren

SALES = '注文番号,会員番号,注文日時,金額,備考\nA1,m1,2026年4月1日,"1,280円",x\nA2,,2026/4/1,5,x\n'


async def test_a_file_is_previewed_imported_and_told(tmp_path: Path, dsn: str, pool: asyncpg.Pool) -> None:
    path = tmp_path / "売上.csv"
    path.write_text(SALES, "cp932")
    shown = joren("import", "orders", str(path), "--preview", home=tmp_path, DATABASE_URL=dsn, COLUMNS="160")
    assert shown.returncode == 0, shown.stderr
    assert "1,280 JPY" in shown.stdout
    assert "✗ no customer_id" in shown.stdout
    assert "Left out: 備考." in shown.stdout
    assert "2 rows looked at, 1 fit. Nothing was stored." in shown.stdout
    assert await pool.fetchval("SELECT count(*) FROM event_log") == 0
    done = joren("import", "orders", str(path), "--json", home=tmp_path, DATABASE_URL=dsn)
    report = json.loads(done.stdout)
    assert (report["stored"], report["rejected"]) == (1, {"no customer_id": 1})
    assert report["mapping"]["ordered_at"] == "注文日時"


def test_what_is_wrong_is_one_sentence(tmp_path: Path, dsn: str) -> None:
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    for arguments, sentence in (
        (("--map", "a"), "is not column=field"),
        ((), "No column stands for customer_id"),
        (("--delimiter", "pipe"), "use comma, semicolon or tab"),
    ):
        done = joren("import", "customers", str(tmp_path / "m.csv"), *arguments, home=tmp_path, DATABASE_URL=dsn)
        assert (done.returncode, done.stderr.strip().count("\n")) == (2, 0), done.stderr
        assert sentence in done.stderr


async def test_members_and_products(tmp_path: Path, dsn: str, pool: asyncpg.Pool) -> None:
    (tmp_path / "p.csv").write_text("sku\t名称\t値段\nP1\tパン\t180\n")
    (tmp_path / "m.ndjson").write_text('{"会員番号": 12, "姓": "佐藤"}\n')
    for kind, file, more in (
        ("products", "p.csv", ("--map", "値段=price")),
        ("customers", "m.ndjson", ()),
    ):
        done = joren("import", kind, str(tmp_path / file), *more, home=tmp_path, DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr
        assert "stored             1" in done.stdout
    assert await pool.fetchval("SELECT price FROM products") == 180
    assert await pool.fetchval("SELECT user_id FROM event_log") == "12"
