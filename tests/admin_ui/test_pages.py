"""The pages as a marketer uses them, over HTTP with real services and a real PostgreSQL."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend.services.campaign_runs import CampaignRuns
from backend.store import workers
from backend.wiring.meetings import SegmentAudiences
from campaigns.campaign import State
from tests.admin_ui.conftest import Browser, add
from tests.admin_ui.fakes import FakeFrame, FakeLake, FakeView

RULE = {
    "mode.r": "all",
    "subject.r-0": "attribute:orders",
    "op.r-0": "=",
    "value.r-0": "1",
    "subject.r-1": "attribute:reachable",
    "op.r-1": "is_true",
}
TEXTS = {
    "ja_title": "{{ 姓 }}様、おかえりなさい",
    "ja_body": "{{ よく買うカテゴリー | default('パン') }}が焼けました。",
    "names_on_lock_screen": "on",
}
FRAGMENT = {"HX-Request": "true"}
PAGES = (
    "/", "/?days=7", "/analysis", "/analysis/launch_rate", "/analysis/retention", "/members", "/members?q=佐藤",
    "/members?rank=シルバー&page=2", "/segments", "/segments?archived=1", "/segments/new", "/campaigns", "/campaigns/new", "/data", "/data/event?name=Own",
    "/data/failed", "/data/failed?state=recovered", "/data/sources", "/data/plans", "/data/plans/2", "/data/plans/2/event", "/settings", "/settings/life-cycle", "/settings/margins", "/settings/administrators", "/settings/api-keys", "/settings/account",
)  # fmt: skip


async def make_segment(browser: Browser, name: str = "一度だけの方") -> str:
    answer = await browser.post("/segments", {"name": name, **RULE})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


async def make_campaign(browser: Browser, segment: str, **changes: str) -> str:
    fields = {"name": "お誘い", "segment_id": segment, "holdout_percent": "10", "conversion_event": "Order Completed",
              "conversion_days": "7", "when": "now", "expires_hours": "24", **TEXTS, **changes}  # fmt: skip
    answer = await browser.post("/campaigns", fields)
    assert answer.status_code == 303, re.findall(r'class="error"[^>]*>([^<]*)', answer.text)
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_page_of_a_full_shop(administrator: Browser, full: SimpleNamespace, language: str) -> None:
    await administrator.post("/preferences/language", {"language": language})
    segment = await make_segment(administrator)
    campaign = await make_campaign(administrator, segment)
    more = (f"/segments/{segment}", f"/segments/{segment}/edit", f"/?segment={segment}&compare=everyone",
            f"/analysis/repeat_purchase_rate?segment={segment}&rule=today&n=3", f"/members?segment={segment}", "/members/1",
            f"/campaigns/{campaign}", f"/campaigns/{campaign}/edit")  # fmt: skip
    for path in (*PAGES, *more):
        answer = await administrator.get(path)
        assert answer.status_code == 200, path
        assert f'<html lang="{language}"' in answer.text
        japanese = re.search(r"[ぁ-ん]", re.sub(r"(?s)<(style|script).*?</\1>", "", answer.text))
        assert language == "en" or japanese, path


async def test_every_page_of_an_empty_shop_teaches(administrator: Browser, services: SimpleNamespace) -> None:
    services.segment_runs._frame.empty()
    for path in PAGES:
        assert (await administrator.get(path)).status_code == 200, path
    assert 'class="empty"' in (await administrator.get("/segments")).text
    assert 'class="empty"' in (await administrator.get("/campaigns")).text
    assert 'class="empty"' in (await administrator.get("/members")).text


async def test_the_builder_follows_each_edit(administrator: Browser, full: SimpleNamespace) -> None:
    await administrator.get("/segments/new")
    shown = await administrator.post("/segments/build", {"name": "x", **RULE, "do": "add:r"}, **FRAGMENT)
    assert shown.status_code == 200
    assert shown.text.count('class="condition') == 3
    assert 'hx-swap-oob="innerHTML"' in shown.text
    wrong = await administrator.post("/segments/build", {**RULE, "value.r-0": "abc"}, **FRAGMENT)
    assert "整数を入力してください。" in wrong.text
    assert 'value="abc"' in wrong.text
    assert "size-figure" not in wrong.text
    size = await administrator.post("/segments/preview", RULE, **FRAGMENT)
    expected = await full.segment_runs.count(int(await make_segment(administrator)))
    assert f'<p class="size-figure">{expected.size}<' in size.text


async def test_a_segment_is_kept_changed_and_put_away(administrator: Browser, full: SimpleNamespace) -> None:
    number = await make_segment(administrator)
    taken = await administrator.post("/segments", {"name": "一度だけの方", **RULE})
    assert taken.status_code == 422
    assert "同じ名前のセグメントがあります" in taken.text
    nameless = await administrator.post("/segments", {"name": "", **RULE})
    assert "セグメントの名前を入力してください。" in nameless.text
    changed = await administrator.post(
        f"/segments/{number}", {"name": "新しい名前", "version": "1", **RULE, "value.r-0": "2"}
    )
    assert changed.headers["location"] == f"/segments/{number}?notice=saved"
    stale = await administrator.post(f"/segments/{number}", {"name": "新しい名前", "version": "1", **RULE})
    assert "ほかの人がこのセグメントを変更しました" in stale.text
    old = await administrator.get(f"/segments/{number}?version=1")
    assert "表示中は版1です" in old.text
    await administrator.post(f"/segments/{number}/archive")
    assert "新しい名前" not in (await administrator.get("/segments")).text
    await administrator.post(f"/segments/{number}/restore")
    assert "新しい名前" in (await administrator.get("/segments")).text


async def test_a_campaign_from_words_to_launch(administrator: Browser, full: SimpleNamespace) -> None:
    number = await make_campaign(administrator, await make_segment(administrator))
    check = await administrator.get(f"/campaigns/{number}")
    run = await full.campaign_desk.dry_run(int(number))
    figures = [int(text) for text in re.findall(r'class="number">(\d+) <small>', check.text)]
    assert figures[0] == run.segment_size == sum(figures[1:])
    assert "様、おかえりなさい" in check.text
    launched = await administrator.post(f"/campaigns/{number}/launch", {"revision": str(run.revision)})
    assert launched.headers["location"] == f"/campaigns/{number}?notice=sending"
    assert (await full.campaign_desk.get(int(number))).summary.state is State.SCHEDULED
    followed = await administrator.get(f"/campaigns/{number}/figures?state=draft", **FRAGMENT)
    assert followed.headers["hx-refresh"] == "true"
    await administrator.post(f"/campaigns/{number}/cancel")
    assert (await full.campaign_desk.get(int(number))).summary.state is State.CANCELLED
    refused = await administrator.post(f"/campaigns/{number}/resume")
    assert refused.status_code == 409


async def test_a_campaign_can_wait_for_its_time(administrator: Browser, full: SimpleNamespace) -> None:
    segment = await make_segment(administrator)
    number = await make_campaign(administrator, segment, when="later", day="2026-11-25", time="18:30")
    detail = await full.campaign_desk.get(int(number))
    answer = await administrator.post(f"/campaigns/{number}/launch", {"revision": str(detail.summary.revision)})
    assert answer.headers["location"].endswith("notice=scheduled")
    assert "2026-11-25 18:30" in (await administrator.get(f"/campaigns/{number}")).text


@pytest.mark.parametrize(
    ("language", "words", "dropped"),
    [
        ("ja", ("途中経過（いつ見ても有効な95%区間）", "人数が足りません"), "履歴不足：この配信の日"),
        ("en", ("valid whenever you look", "Too small"), "raw events of this campaign"),
    ],
)
async def test_a_report_minutes_after_sending_has_an_interval_and_no_verdict(
    *,
    administrator: Browser,
    full: SimpleNamespace,
    language: str,
    words: tuple[str, str],
    dropped: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    await full.pool.execute(
        "INSERT INTO consents SELECT customer_id, 'marketing', 'push', true, 1, now() FROM customers"
    )
    number = await make_campaign(administrator, await make_segment(administrator), holdout_percent="50")
    detail = await full.campaign_desk.get(int(number))
    await administrator.post(f"/campaigns/{number}/launch", {"revision": str(detail.summary.revision)})
    audiences = SegmentAudiences(full.segment_runs, full.segment_runs._frame)
    assert await CampaignRuns(full.pool, full.clock, audiences=audiences).launch_due() == 1
    report = (await administrator.get(f"/campaigns/{number}")).text
    for text in words:
        assert text in report
    assert re.search(r"±0\.0pt</b>\s*<span>\[−\d+\.\dpt, \+\d+\.\dpt\]", report)
    monkeypatch.setattr(FakeLake, "raw_since", lambda _: full.clock.now().date() + timedelta(days=2))
    report = (await administrator.get(f"/campaigns/{number}")).text
    assert dropped in report
    assert "±0.0pt" not in report


async def test_what_was_written_is_kept_when_it_cannot_be_taken(administrator: Browser, full: SimpleNamespace) -> None:
    fields = {"name": "お誘い", "ja_title": "{{ 姓 }", "ja_body": "本文です", "holdout_percent": "5", "conversion_days": "7",
              "expires_hours": "24", "segment_id": await make_segment(administrator)}  # fmt: skip
    answer = await administrator.post("/campaigns", {**fields, "ja_title": "{{ nothing }}"})
    assert answer.status_code == 422
    assert "{{ nothing }}" in answer.text
    assert "本文です" in answer.text
    assert 'aria-describedby="error-ja_title"' in answer.text
    assert answer.text.count("wrong-step") == 1
    both = await administrator.post("/campaigns", {**fields, "name": "", "segment_id": ""})
    assert both.text.count("wrong-step") == 2, "an error on a step that is not shown is marked on its tab"


async def test_a_stale_edit_is_refused(administrator: Browser, full: SimpleNamespace) -> None:
    segment = await make_segment(administrator)
    number = await make_campaign(administrator, segment)
    fields = {"name": "お誘い", "segment_id": segment, "holdout_percent": "10", "conversion_event": "x", "conversion_days": "7",
              "expires_hours": "24", **TEXTS}  # fmt: skip
    assert (await administrator.post(f"/campaigns/{number}", {**fields, "revision": "1"})).status_code == 303
    stale = await administrator.post(f"/campaigns/{number}", {**fields, "revision": "1"})
    assert stale.status_code == 422
    assert "ほかの人がこの配信を変更しました" in stale.text


async def test_a_source_shows_its_key(administrator: Browser) -> None:
    made = await administrator.post("/data/sources", {"name": "店舗サーバー", "kind": "server"})
    key = re.search(r'id="write-key">(\w+)<', made.text)
    assert key is not None
    assert key[1].startswith("joren_srv_")
    assert key[1] not in (await administrator.get("/data/sources")).text
    again = await administrator.post("/data/sources", {"name": "店舗サーバー", "kind": "server"})
    assert "同じ名前のソースがあります" in again.text
    place = re.search(r'action="(/data/sources/\d+)/revoke"', made.text)
    assert place is not None
    await administrator.post(f"{place[1]}/revoke")
    assert "無効</span>" in (await administrator.get("/data/sources")).text


async def test_settings_are_kept_and_checked(administrator: Browser, services: SimpleNamespace) -> None:
    sound = {"name_ja": "灯ノ葉", "name_en": "Tomoshinoha", "zone": "Asia/Tokyo", "currency": "JPY", "day_starts": "4",
             "week_starts": "1", "quiet_from": "22:00", "quiet_until": "08:00", "cap_24h": "1", "cap_7d": "2",
             "consent_rule": "permission", "history_complete": "on", "fiscal_starts": "3", "closing_day": "20",
             "approval_above": "500", "global_holdout_percent": "2.5"}  # fmt: skip
    assert (await administrator.post("/settings", sound)).headers["location"] == "/settings?notice=saved"
    kept = await services.shop.get()
    assert (kept.name_ja, kept.day_starts, kept.cap_7d, kept.exclude_test_accounts) == ("灯ノ葉", 4, 2, False)
    assert kept.history_complete
    assert (kept.fiscal_starts, kept.closing_day, kept.mark_holidays) == (3, 20, False)
    assert (kept.approval_above, kept.global_holdout_percent) == (500, 2.5)
    for changed in (
        {"approval_above": "-1"},
        {"approval_above": "x"},
        {"global_holdout_percent": "51"},
        {"global_holdout_percent": "x"},
    ):
        refused = await administrator.post("/settings", {**sound, **changed})
        assert f'aria-describedby="error-{next(iter(changed))}"' in refused.text
    wrong = await administrator.post("/settings", {**sound, "cap_24h": "9", "quiet_from": "late"})
    assert wrong.status_code == 422
    assert "21:00のように時刻を入力してください。" in wrong.text
    assert "24時間の上限以上" in wrong.text


async def test_administrators_are_made_and_let_go(administrator: Browser, services: SimpleNamespace) -> None:
    path = "/settings/administrators"
    fields = {"name": "山田 花子", "email": "hanako@joren.example", "role": "marketer", "language": "ja"}
    made = await administrator.post(path, fields)
    password = re.search(r'id="new-password">([^<]+)<', made.text)
    assert password is not None
    assert await services.access.sign_in(email="hanako@joren.example", password=password[1], network="10.0.0.9")
    assert "このメールアドレスは登録済みです。" in (await administrator.post(path, fields)).text
    mine = next(each for each in await services.access.administrators() if each.role == "administrator")
    alone = await administrator.post(f"{path}/{mine.admin_id}/disabled", {"disabled": "1"})
    assert "最後の管理者です" in alone.text


async def test_ones_own_password(administrator: Browser) -> None:
    wrong = await administrator.post(
        "/settings/account/password", {"current": "x", "password": "another honest password"}
    )
    assert "現在のパスワードが違います。" in wrong.text
    short = await administrator.post("/settings/account/password", {"current": "x", "password": "short"})
    assert "12文字以上で入力してください。" in short.text
    done = await administrator.post(
        "/settings/account/password", {"current": "an honest long password", "password": "another honest password"}
    )
    assert done.headers["location"].endswith("notice=password_changed")


async def test_figures_as_a_spreadsheet(administrator: Browser, full: SimpleNamespace) -> None:
    await make_segment(administrator, "=cmd|' /C calc'!A0")
    answer = await administrator.get("/analysis/repeat_purchase_rate/csv?segment=1")
    assert answer.text.startswith("\ufeffkpi,segment,from,to")
    assert "'=cmd" in answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="repeat_purchase_rate.csv"'
    triangle = await administrator.get("/analysis/retention/csv")
    assert len(triangle.text.splitlines()) > 10


async def test_what_cannot_be_asked_is_said(administrator: Browser, full: SimpleNamespace) -> None:
    for query, why in {
        "repeat_purchase_rate?n=x": "「回数 N」は2〜100の整数です",
        "retention?type=never": "「種類」にその選択肢はありません",
        "retention?type=range&a=3&b=2": "範囲の始まりが終わりより後です",
        "retention?n=9": "期 n が期限 H を超えています",
        "retention?start_where=colour": "読み取れない条件があります",
        "rfm?scores=thresholds&recency=1": "しきい値は 30,60,90,180 のように",
        "launch_rate?by=rnak": "その切り口はありません",
        "dau?compare=never": "その比較対象はありません",
        "dau?window=never": "その期間の名前はありません",
        "dau?from=2026-05-02&to=2026-05-01": "最後の日が最初の日より前です",
        "dau?segment=99": "このセグメントはもうありません",
    }.items():
        answer = await administrator.get(f"/analysis/{query}")
        assert answer.status_code == 200
        assert f"この条件では計算できません（{why}" in answer.text
    assert (await administrator.get("/analysis/no_such_kpi")).status_code == 400


async def test_a_figure_broken_down_compared_and_as_of_a_day(administrator: Browser, full: SimpleNamespace) -> None:
    await make_segment(administrator, "常連")
    asked = "window=last_28_days&compare=previous_year_same_weekday&by=gender&rule=today&as_of=2026-11-10"
    shown = (await administrator.get(f"/analysis/launch_rate?{asked}")).text
    for text in (
        "切り口：性別",
        "女性",
        "不明",
        "比較：前年同曜日",
        "2026年11月10日の終わり",
        "基準日までに起きたことだけ",
        "11/3 文化の日",
    ):
        assert text in shown, text
    other = (await administrator.get("/analysis/launch_rate?compare=segment:1&segment=1")).text
    assert "比較：常連" in other
    sheet = await administrator.get("/analysis/rank_distribution/csv?part=sheet")
    assert sheet.text.startswith("\ufeffrank,customers,share")
    assert sheet.headers["content-disposition"] == 'attachment; filename="rank_distribution-table.csv"'


async def test_a_figure_is_kept_every_day_and_no_longer(administrator: Browser, full: SimpleNamespace) -> None:
    page = "/analysis/repeat_purchase_rate?n=3"
    assert "この条件では記録していません" in (await administrator.get(page)).text
    choice = {"choice": "repeat_purchase_rate?n=3", "on": "1"}
    kept = await administrator.post("/analysis/repeat_purchase_rate/record", choice)
    assert kept.headers["location"] == "/analysis/repeat_purchase_rate?n=3&basis=days&notice=saved"
    assert "今夜から記録します" in (await administrator.get(page)).text
    assert await full.snapshots.work() == 1
    shown = (await administrator.get(page)).text
    assert "各営業日の終わりの時点の値です" in shown
    await administrator.post("/analysis/repeat_purchase_rate/record", {**choice, "on": ""})
    assert choice["choice"] not in (await full.snapshots.status()).choices


async def test_figures_are_searched(administrator: Browser, full: SimpleNamespace) -> None:
    found = (await administrator.get("/analysis?q=起動率")).text
    assert "/analysis/launch_rate" in found
    assert "/analysis/nps" not in found
    assert "この言葉に合う指標はありません" in (await administrator.get("/analysis?q=zzz")).text


async def test_text_from_outside_stays_text(administrator: Browser, full: SimpleNamespace) -> None:
    await make_segment(administrator, "<script>alert(1)</script>")
    shown = await administrator.get("/segments")
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;alert" in shown.text


async def test_a_fault_says_what_to_do(administrator: Browser, services: SimpleNamespace) -> None:
    async def broken() -> None:
        raise RuntimeError("a secret detail")

    services.campaign_desk.list = broken
    page = await administrator.get("/campaigns")
    assert page.status_code == 500
    assert "システム側で問題が起きました" in page.text
    assert "secret detail" not in page.text
    fragment = await administrator.get("/campaigns", **FRAGMENT)
    assert fragment.text.lstrip().startswith('<div class="notice trouble"')


async def test_a_viewer_sees_no_buttons_that_change(browser: Browser, full: SimpleNamespace) -> None:
    await browser.sign_in(await add(full, "viewer"))
    for path in ("/segments", "/campaigns", "/data", "/settings"):
        page = (await browser.get(path)).text
        main = page[page.index("<main") : page.index("</main>")]
        assert not re.search(r'<form[^>]*method="post"(?![^>]*action="/settings")', main), path


async def test_stores_of_a_breakdown_go_by_their_names(administrator: Browser, full: SimpleNamespace) -> None:
    asked = "/analysis/launch_rate?by=store&rule=today"
    assert '<th scope="row">shibuya' in (await administrator.get(asked)).text
    await full.pool.execute(
        "INSERT INTO stores (store_id, name) VALUES ('shibuya', $1)", {"ja": "渋谷店", "en": "Shibuya"}
    )
    named = (await administrator.get(asked)).text
    assert ('<th scope="row">渋谷店' in named, '<th scope="row">shibuya' in named) == (True, False)
    await administrator.post("/preferences/language", {"language": "en"})
    english = (await administrator.get(asked)).text
    assert ('<th scope="row">Shibuya' in english, "By last store" in english) == (True, True)


async def test_figures_that_lack_dropped_history_say_so(
    administrator: Browser, full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLake, "raw_since", lambda _: full.clock.now().date() - timedelta(days=1))
    for query in (
        *("nps", "nps?by=rank&compare=previous_period", "funnel", "launch_at_visit_rate", "nps/csv"),
        *("product_affinity?level=product", "cross_sell_rate?level=product", "retention?return_where=store%3DS1"),
    ):
        answer = await administrator.get(f"/analysis/{query}")
        assert answer.status_code == 200, query
        assert ("raw_dropped" if query.endswith("csv") else "履歴不足") in answer.text, query
    assert "履歴不足" not in (await administrator.get("/analysis/repeat_purchase_rate")).text


async def test_home_says_that_a_restored_database_sends_nothing(administrator: Browser, full: SimpleNamespace) -> None:
    async def page() -> str:
        return (await administrator.get("/")).text

    assert "joren arm" not in await page()
    async with full.pool.acquire() as connection:
        now = full.clock.now()
        await workers.beat(connection, worker="w1", started_at=now, now=now, detail={"held": "restored"})
    assert "バックアップから復元" in await page()


async def test_segments_that_lack_dropped_history_say_so(
    administrator: Browser, full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, other = await make_segment(administrator), await make_segment(administrator, "別の方")
    campaign = await make_campaign(administrator, number)
    listed = await full.pool.fetchval(
        "INSERT INTO static_lists (name, origin, created_at, created_by, changed_at)"
        " VALUES ('L', 'segment 1', now(), 'aya', now()) RETURNING list_id"
    )
    paths = {
        "/segments": "履歴不足",
        f"/segments/{number}": "保存期間が過ぎて",
        f"/segments/{number}/edit": "保存期間が過ぎて",
        f"/segments/{number}/members/1": "保存期間が過ぎて",
        f"/segments/overlap?segment={number}&segment={other}": "保存期間が過ぎて",
        f"/segments/overlap.csv?segment={number}&segment={other}": "履歴不足",
        f"/segments/lists/{listed}": "保存期間が過ぎて",
        f"/members?segment={number}": "保存期間が過ぎて",
        "/members/1": "履歴不足",
        f"/campaigns/{campaign}": "保存期間が過ぎて",
        f"/campaigns/{campaign}/edit?step=audience": "保存期間が過ぎて",
    }
    for path, word in paths.items():
        answer = await administrator.get(path)
        assert (answer.status_code, word in answer.text) == (200, False), path
    monkeypatch.setattr("segments.raw_members.looks_behind", lambda *_, **__: True)
    monkeypatch.setattr(FakeFrame, "read_for", _lacking(FakeFrame.read))
    await full.pool.execute("UPDATE static_lists SET known_since = '2026-01-01'")
    for path, word in paths.items():
        assert word in (await administrator.get(path)).text, path


def _lacking(read: Callable[[FakeFrame], FakeView]) -> Callable[[FakeFrame, Any], Awaitable[FakeView]]:
    async def read_for(frame: FakeFrame, _: Any) -> FakeView:
        return replace(read(frame), raw_since=date(2026, 1, 1))

    return read_for
