"""The pages of imports: upload, columns, preview, start, progress, result; who may, and what a file may not do."""

import csv
import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.admin_ui.conftest import ADDRESS, Browser, add

FRAGMENT = {"HX-Request": "true"}
HEADER = ("注文番号", "会員番号", "注文日時", "合計金額", "店舗", "メモ")
ROWS = (("A1", "M1", "2026/4/1 10:00", "１，２８０円", "渋谷", "x"), ("A2", "", "2026/4/1", "500", "渋谷", "x"))


def sheet(*rows: tuple[str, ...], header: tuple[str, ...] = HEADER, encoding: str = "cp932") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode(encoding)


async def upload(browser: Browser, content: bytes, name: str = "売上.csv", kind: str = "orders") -> str:
    answer = await browser.client.post(
        "/data/imports",
        data={"csrf": browser.csrf, "kind": kind},
        files={"file": (name, content, "text/csv")},
        headers={"Origin": ADDRESS},
    )
    assert answer.status_code == 303, re.findall(r'class="error"[^>]*>([^<]*)', answer.text)
    return answer.headers["location"]


def csv_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.csv"))


def choices(page: str) -> dict[str, str]:
    """The fields of the mapping form as a browser would send them."""
    columns = dict(re.findall(r'name="(column\.\d+)" value="([^"]*)"', page))
    chosen = {name: re.search(r'value="([^"]*)" selected', body) for name, body in re.findall(r'name="(field\.\d+)">(.*?)</select>', page, re.DOTALL)}  # fmt: skip
    return columns | {name: found[1] if found else "" for name, found in chosen.items()}


@pytest.mark.parametrize(("language", "words"), [("ja", ("会員番号がありません", "2行中 1行が取り込めます")), ("en", ("The member number is missing", "1 of 2 rows fit"))])  # fmt: skip
async def test_a_file_is_looked_at_before_anything_is_stored(
    administrator: Browser, services: SimpleNamespace, language: str, words: tuple[str, str]
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    page = (await administrator.get(await upload(administrator, sheet(*ROWS)))).text
    assert choices(page)["field.0"] == "order_id"
    assert choices(page)["field.5"] == ""
    assert "1,280 JPY" in page
    assert "2026-04-01 10:00:00" in page
    for word in words:
        assert word in page
    assert await services.pool.fetchval("SELECT count(*) FROM event_log") == 0


async def test_a_choice_changes_the_preview_and_says_what_is_missing(administrator: Browser) -> None:
    path = await upload(administrator, sheet(*ROWS))
    fields = choices((await administrator.get(path)).text)
    without = await administrator.post(f"{path}/preview", {**fields, "field.3": ""}, **FRAGMENT)
    assert "金額の列、または数量と単価の列を選んでください。" in without.text
    assert "<html" not in without.text
    refused = await administrator.post(f"{path}/start", {**fields, "field.0": ""})
    assert refused.status_code == 422
    assert "「注文番号」の列を選んでください。" in refused.text
    assert choices(refused.text)["field.0"] == ""
    wrong = await administrator.post(f"{path}/preview", {**fields, "encoding": "utf-8"}, **FRAGMENT)
    assert "この文字コードでは読めません。" in wrong.text


async def test_from_upload_to_result(administrator: Browser, services: SimpleNamespace) -> None:
    path = await upload(administrator, sheet(*ROWS))
    number = int(path.rpartition("/")[2])
    started = await administrator.post(f"{path}/start", choices((await administrator.get(path)).text))
    assert started.headers["location"] == path
    assert f'hx-get="{path}/progress"' in (await administrator.get(path)).text
    assert "hx-refresh" not in (await administrator.get(f"{path}/progress", **FRAGMENT)).headers
    await services.import_work.take_in(number)
    assert (await administrator.get(f"{path}/progress", **FRAGMENT)).headers["hx-refresh"] == "true"
    page = (await administrator.get(path)).text
    assert "会員番号がありません" in page
    rejects = await administrator.get(f"{path}/rejects")
    assert rejects.headers["content-disposition"].startswith(f'attachment; filename="rejects-{number}.csv"')
    assert [row[4:] for row in csv.reader(rejects.text.lstrip("\ufeff").splitlines())][1] == list(ROWS[1])
    listed = (await administrator.get("/data/imports")).text
    assert "売上.csv" in listed
    actions = await services.pool.fetch("SELECT action FROM audit_log WHERE action LIKE 'import.%' ORDER BY audit_id")
    assert [row["action"] for row in actions] == ["import.upload", "import.start", "import.download_rejects"]
    assert await services.pool.fetchval("SELECT count(*) FROM event_log") == 1


@pytest.mark.parametrize("name", ["../../escape.csv", "..\\..\\escape.csv", "/etc/escape.csv", "a/../../escape.csv"])
async def test_a_file_name_is_never_a_path(
    administrator: Browser, services: SimpleNamespace, tmp_path: Path, name: str
) -> None:
    path = await upload(administrator, sheet(ROWS[0]), name=name)
    row = await services.pool.fetchrow("SELECT file_name, stored_as FROM import_uploads")
    assert row["file_name"] == "escape.csv"
    kept = tmp_path / "imports" / row["stored_as"]
    assert re.fullmatch(r"[0-9a-f]{32}\.csv", row["stored_as"])
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in csv_files(tmp_path)] == [row["stored_as"]]
    assert "escape.csv" in (await administrator.get(path)).text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("売上.exe", b"x", "取り込めるのは"),
        ("空.csv", b"", "ファイルが空です"),
        ("売上.xlsx", b"x", "内容が拡張子と合わないか"),
        ("売上.csv", b"\x00\x01", "内容が拡張子と合わないか"),
    ],
)
async def test_a_file_that_cannot_be_used_says_why(
    administrator: Browser, name: str, content: bytes, sentence: str
) -> None:
    answer = await administrator.client.post(
        "/data/imports",
        data={"csrf": administrator.csrf, "kind": "orders"},
        files={"file": (name, content, "text/csv")},
        headers={"Origin": ADDRESS},
    )
    shown = answer.text if answer.status_code == 422 else (await administrator.get(answer.headers["location"])).text
    assert sentence in shown


async def test_a_form_without_its_token_is_refused(administrator: Browser, services: SimpleNamespace) -> None:
    answer = await administrator.client.post(
        "/data/imports", data={"kind": "orders"}, files={"file": ("a.csv", b"x")}, headers={"Origin": ADDRESS}
    )
    assert answer.status_code == 403
    assert await services.pool.fetchval("SELECT count(*) FROM import_uploads") == 0


async def test_a_viewer_sees_the_history_only(browser: Browser, services: SimpleNamespace) -> None:
    await browser.sign_in(await add(services, "viewer"))
    assert 'enctype="multipart/form-data"' not in (await browser.get("/data/imports")).text
    answer = await browser.client.post(
        "/data/imports",
        data={"csrf": browser.csrf, "kind": "orders"},
        files={"file": ("a.csv", b"x")},
        headers={"Origin": ADDRESS},
    )
    assert answer.status_code == 403
    assert (await browser.get("/data/imports/1")).status_code == 403


async def test_a_marketer_may_import(browser: Browser, services: SimpleNamespace) -> None:
    await browser.sign_in(await add(services, "marketer"))
    path = await upload(browser, sheet(("S1", "本店"), header=("店舗コード", "店舗名")), "店舗.csv", "stores")
    await browser.post(f"{path}/start", choices((await browser.get(path)).text))
    await services.import_work.take_in(int(path.rpartition("/")[2]))
    assert (await services.pool.fetchrow("SELECT name FROM stores"))["name"] == {"ja": "本店", "en": "本店"}
    removed = await browser.post(f"{path}/remove")
    assert removed.headers["location"] == "/data/imports?notice=removed"
    assert "ファイルは削除済み" in (await browser.get(path)).text
