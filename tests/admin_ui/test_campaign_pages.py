"""The campaign pages over HTTP: the editor's buttons, every kind, a second person's approval, copies, tags and versions."""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace

import pytest

from campaigns.campaign import Kind, Policy, Priority, State
from campaigns.definition import to_json
from campaigns.playbooks.library import PLAYBOOKS
from campaigns.trigger import OnEvent
from segments.coupon_book import CouponDraft
from tests.admin_ui.conftest import Browser, add
from tests.admin_ui.test_pages import FRAGMENT, TEXTS, make_campaign, make_segment

ORDERS = {"kind": "event", "event": "Order Completed", "subject.r-0": "event:Order Completed"}
KINDS: Mapping[str, dict[str, str]] = {
    "once": {},
    "recurring": {"kind": "recurring", "freq": "WEEKLY", "weekdays": "FR", "starts_day": "2026-11-24", "at": "10:00"},
    "event": {**ORDERS, "f0-name.r-0": "amount", "f0-op.r-0": ">=", "f0-value.r-0": "3000", "delay": "2", "segment_id": ""},
    "segment": {"kind": "segment", "change": "left", "segment_id": ""},
    "date": {"kind": "date", "date_of": "coupon_expiry", "date_side": "before", "date_days": "3", "date_at": "12:00"},
}  # fmt: skip


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_kind_is_kept_checked_and_opened_again(
    administrator: Browser, full: SimpleNamespace, language: str
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    await full.coupon_book.create(CouponDraft(coupon_id="WELCOME", title_ja="10%引き"), actor="test")
    segment = await make_segment(administrator)
    for kind, fields in KINDS.items():
        own = {"trigger_segment": segment} if kind == "segment" else {}
        number = await make_campaign(
            administrator, segment, name=kind, coupon_id="WELCOME", tags="秋", hypothesis="戻る", **own, **fields
        )
        detail = await full.campaign_desk.get(int(number))
        assert detail.draft.kind == kind
        assert detail.draft.content.coupon_id == "WELCOME"
        check = await administrator.get(f"/campaigns/{number}")
        assert check.status_code == 200
        assert 'id="launch"' in check.text
        edit = await administrator.get(f"/campaigns/{number}/edit")
        assert re.search(rf'value="{kind}" checked', edit.text), kind
        assert '<option value="WELCOME" selected>' in edit.text
    listed = (await administrator.get("/campaigns?tag=秋&kind=date")).text
    assert listed.count("data-href") == 1
    assert ">date</a>" in listed
    event = (await full.campaign_desk.list())[2]
    assert event.kind is Kind.EVENT
    assert (await full.campaign_desk.get(event.campaign_id)).draft.trigger == OnEvent(
        event="Order Completed", where={"amount": {">=": 3000}}, delay=timedelta(hours=2)
    )


async def test_the_editor_follows_its_buttons(administrator: Browser, full: SimpleNamespace) -> None:
    await administrator.get("/campaigns/new")
    typed = {"name": "x", **TEXTS, **ORDERS, "priority": "high", "policy": "surely"}
    shown = await administrator.post("/campaigns/compose", {**typed, "do": "filter:r-0"}, **FRAGMENT)
    assert shown.status_code == 200
    assert 'name="f0-name.r-0"' in shown.text
    assert "<html" not in shown.text
    two = await administrator.post("/campaigns/compose", {**typed, "do": "variant:add"}, **FRAGMENT)
    assert 'name="ja_title.1"' in two.text
    assert 'name="share.1" value="50"' in two.text
    plain = await administrator.post("/campaigns/compose", {**typed, "campaign_id": "7", "do": ""})
    assert "<html" in plain.text
    assert 'action="/campaigns/7"' in plain.text
    assert re.search(r'value="high" id="priority-high" checked', plain.text)
    phone = await administrator.post("/campaigns/phone", {**typed, "phone": "android", "screen": "dark"}, **FRAGMENT)
    assert 'class="phone android dark-screen"' in phone.text
    moments = await administrator.post("/campaigns/moments", {**typed, **KINDS["recurring"]}, **FRAGMENT)
    assert "毎週金曜日 10:00" in moments.text
    assert re.findall(r"<time>([\d-]+)", moments.text)[:2] == ["2026-11-27", "2026-12-04"]
    await administrator.post("/preferences/language", {"language": "en"})
    moments = await administrator.post(
        "/campaigns/moments", {**typed, **KINDS["recurring"], "interval": "2"}, **FRAGMENT
    )
    assert "Every 2 weeks on Fri" in moments.text
    await administrator.post("/preferences/language", {"language": "ja"})
    number = await make_campaign(
        administrator, await make_segment(administrator), **{k: typed[k] for k in ("priority", "policy")}
    )
    draft = (await full.campaign_desk.get(int(number))).draft
    assert (draft.priority, draft.policy) == (Priority.HIGH, Policy.SURELY)


async def test_an_error_of_a_version_opens_its_tab_and_keeps_everything(
    administrator: Browser, full: SimpleNamespace
) -> None:
    fields = {"name": "x", **TEXTS, "segment_id": await make_segment(administrator), "variants": "2", "share": "50",
              "share.1": "50", "variant_name.1": "B", "ja_title.1": "{{ nothing }}", "ja_body.1": "本文二"}  # fmt: skip
    answer = await administrator.post("/campaigns", fields)
    assert answer.status_code == 422
    assert 'aria-describedby="error-ja_title.1"' in answer.text
    assert "本文二" in answer.text
    assert re.search(r'id="variant-1" value="1" checked', answer.text)


async def test_a_second_person_approves(administrator: Browser, full: SimpleNamespace) -> None:
    await full.pool.execute("INSERT INTO shop_settings VALUES ('approval_above', '1', now(), 'test')")
    number = await make_campaign(administrator, await make_segment(administrator))
    page = await administrator.get(f"/campaigns/{number}")
    assert "承認を依頼する" in page.text
    revision = str((await full.campaign_desk.get(int(number))).summary.revision)
    asked = await administrator.post(f"/campaigns/{number}/launch", {"revision": revision})
    assert asked.headers["location"].endswith("notice=waiting")
    assert "承認待ちの配信" in (await administrator.get("/")).text
    own = await administrator.get(f"/campaigns/{number}")
    assert "作成した方以外の確認が必要です。" in own.text
    assert ">承認する<" not in own.text
    refused = await administrator.post(f"/campaigns/{number}/approve")
    assert refused.status_code == 422
    silent = await administrator.post(f"/campaigns/{number}/reject", {"comment": " "})
    assert "直せるように、理由を書いてください。" in silent.text
    await add(full, "marketer")
    await administrator.sign_in("marketer@joren.example")
    back = await administrator.post(f"/campaigns/{number}/reject", {"comment": "店舗名が違います"})
    assert back.headers["location"].endswith("notice=sent_back")
    assert "店舗名が違います" in (await administrator.get(f"/campaigns/{number}")).text
    await administrator.sign_in("administrator@joren.example")
    revision = str((await full.campaign_desk.get(int(number))).summary.revision)
    await administrator.post(f"/campaigns/{number}/launch", {"revision": revision})
    await administrator.sign_in("marketer@joren.example")
    assert "承認する" in (await administrator.get(f"/campaigns/{number}")).text
    yes = await administrator.post(f"/campaigns/{number}/approve", {"comment": ""})
    assert yes.headers["location"].endswith("notice=approved")
    assert (await full.campaign_desk.get(int(number))).summary.state is State.SCHEDULED


async def test_a_copy_and_the_archive(administrator: Browser, full: SimpleNamespace) -> None:
    number = await make_campaign(administrator, await make_segment(administrator))
    copied = await administrator.post(f"/campaigns/{number}/copy")
    assert re.search(r"/campaigns/\d+/edit\?notice=copied", copied.headers["location"])
    assert len(await full.campaign_desk.list()) == 2
    await administrator.post(f"/campaigns/{number}/archive")
    assert f'href="/campaigns/{number}"' not in (await administrator.get("/campaigns")).text
    assert f'href="/campaigns/{number}"' in (await administrator.get("/campaigns?archived=1")).text
    await administrator.post(f"/campaigns/{number}/restore")
    assert f'href="/campaigns/{number}"' in (await administrator.get("/campaigns")).text


async def test_a_running_campaign_gets_a_new_version_that_says_what_changed(
    administrator: Browser, full: SimpleNamespace
) -> None:
    segment = await make_segment(administrator)
    number = await make_campaign(administrator, segment, **KINDS["recurring"])
    begun = "UPDATE campaigns SET state = 'sending', version = 1, scheduled_at = $2 WHERE campaign_id = $1"
    await full.pool.execute(begun, int(number), full.clock.now())
    before = (await full.campaign_desk.get(int(number))).draft
    await full.pool.execute(
        "INSERT INTO campaign_versions VALUES ($1, 1, $2, now(), 'test')", int(number), to_json(before)
    )
    fields = {"name": "お誘い", "segment_id": segment, "holdout_percent": "10", "conversion_event": "Order Completed", "own_zone": "on",
              "conversion_days": "7", "expires_hours": "24", **TEXTS, **KINDS["recurring"]}  # fmt: skip
    revision = str((await full.campaign_desk.get(int(number))).summary.revision)
    counted = await administrator.post(
        f"/campaigns/{number}", {**fields, "holdout_percent": "20", "revision": revision}
    )
    assert counted.status_code == 422
    assert "配信を複製してください" in counted.text
    changed = await administrator.post(f"/campaigns/{number}", {**fields, "ja_title": "新しい題", "revision": revision})
    assert changed.headers["location"].endswith("notice=saved")
    assert (await full.campaign_desk.get(int(number))).draft.scheduled_at == before.scheduled_at
    page = (await administrator.get(f"/campaigns/{number}")).text
    versions = page.partition('id="versions"')[2]
    assert "新しい題" in versions
    assert before.content.texts()["ja"].title in versions.replace("&#39;", "'")


async def test_a_playbook_becomes_a_draft_in_the_editor(administrator: Browser, full: SimpleNamespace) -> None:
    shelf = await administrator.get("/campaigns/playbooks")
    assert shelf.status_code == 200
    assert shelf.text.count('class="panel playbook"') == len(PLAYBOOKS)
    assert "まだありません" in shelf.text
    unanswered = await administrator.post("/campaigns/playbooks/cross-sell", {"answer.category": ""})
    assert unanswered.status_code == 422
    assert 'aria-describedby="error-cross-sell-answer.category"' in unanswered.text
    made = await administrator.post("/campaigns/playbooks/second-purchase", {"answer.days": "20"})
    assert made.status_code == 303, re.findall(r'class="error"[^>]*>([^<]*)', made.text)
    assert (await administrator.get(made.headers["location"])).status_code == 200
    kept = (await full.campaign_desk.list())[0]
    assert kept.tags == ("2回目の購入",)
    assert (await administrator.get(f"/campaigns/{kept.campaign_id}")).status_code == 200
    await administrator.post("/preferences/language", {"language": "en"})
    assert "Second purchase" in (await administrator.get("/campaigns/playbooks")).text


JOURNEY = {
    "shape": "journey", "steps": "4", "kind": "event", "event": "Membership Joined", "subject.r-0": "event:Membership Joined",
    "exits": "on", "exit_event": "Order Completed", "subject.r-1": "event:Order Completed",
    "step_kind.s0": "send", "step_label.s0": "auto-1", "ja_title.s0": "ようこそ", "ja_body.s0": "はじめまして", "subject.r-2": "event:Order Completed",
    "step_kind.s1": "wait_event", "step_label.s1": "auto-2", "step_event.s1": "Store Visited", "subject.r-3": "event:Store Visited",
    "step_timeout.s1": "3", "step_timeout_unit.s1": "days", "step_late.s1": "auto-4",
    "step_kind.s2": "exit", "step_label.s2": "auto-3", "step_reason.s2": "来店", "subject.r-4": "event:Order Completed",
    "step_kind.s3": "send", "step_label.s3": "auto-4", "ja_title.s3": "お待ちしています", "ja_body.s3": "ぜひ", "subject.r-5": "event:Order Completed",
}  # fmt: skip


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_a_journey_is_edited_drawn_and_shows_who_stands_where(
    administrator: Browser, full: SimpleNamespace, language: str
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    await administrator.get("/campaigns/new")
    typed = {"name": "案内", **JOURNEY}
    moved = await administrator.post("/campaigns/compose", {**typed, "do": "step:up:3"}, **FRAGMENT)
    assert re.search(r'id="ja_title.s2"[^>]*value="お待ちしています"', moved.text)
    assert "journey-picture" in moved.text
    wrong = await administrator.post("/campaigns", {**typed, "ja_title.s3": ""})
    assert wrong.status_code == 422
    assert 'aria-describedby="error-ja_title.s3"' in wrong.text
    number = await make_campaign(administrator, "", **{**typed, "ja_title": "", "ja_body": ""})
    check = await administrator.get(f"/campaigns/{number}")
    assert check.text.count('class="node send"') == 2
    assert re.search(r'value="journey" checked', (await administrator.get(f"/campaigns/{number}/edit")).text)
    await full.pool.execute("UPDATE campaigns SET state = 'sending', version = 1 WHERE campaign_id = $1", int(number))
    draft = (await full.campaign_desk.get(int(number))).draft
    await full.pool.execute(
        "INSERT INTO campaign_versions VALUES ($1, 1, $2, now(), 'test')", int(number), to_json(draft)
    )
    await full.pool.execute(
        "INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, step, waits, state, waiting_for, due_at, entered_at, changed_at)"
        " VALUES ($1, 1, 7, 1, 1, true, 'waiting', 'Store Visited', $2, $2, $2), ($1, 1, 8, 2, 2, false, 'left', NULL, $2, $2, $2)",
        int(number),
        full.clock.now(),
    )
    page = await administrator.get(f"/campaigns/{number}")
    assert page.status_code == 200
    entries = page.text.partition('id="entries"')[2]
    assert 'href="/members/7"' in entries
    assert 'href="/members/8"' in entries
    assert f'href="/campaigns/{number}?step=1#entries"' in page.text
    waiting = (await administrator.get(f"/campaigns/{number}?entries=waiting")).text.partition('id="entries"')[2]
    assert 'href="/members/8"' not in waiting
    here = (await administrator.get(f"/campaigns/{number}?step=2")).text.partition('id="entries"')[2]
    assert 'href="/members/7"' not in here
    assert re.search(r'class="foot">[^<]*3\. \S', here), "a step is told in words"
    assert "/entries/retry" not in entries
    await full.pool.execute("UPDATE journey_entries SET state = 'aside', reason = 'broken' WHERE customer_id = 7")
    entries = (await administrator.get(f"/campaigns/{number}")).text.partition('id="entries"')[2]
    assert "/entries/retry" in entries
    await administrator.post(f"/campaigns/{number}/entries/retry")
    assert await full.pool.fetchval("SELECT state FROM journey_entries WHERE customer_id = 7") == "waiting"
    assert 'id="older-entries"' not in entries
    await full.pool.execute(
        "INSERT INTO journey_entries (campaign_id, version, customer_id, occurrence, step, state, due_at, entered_at, changed_at)"
        " SELECT campaign_id, 1, 20 + n, n + 9, 0, 'waiting', due_at, due_at, due_at FROM journey_entries, generate_series(1, 20) AS n"
        " WHERE customer_id = 8"
    )
    first = (await administrator.get(f"/campaigns/{number}")).text
    older = re.search(r'id="older-entries" href="([^"#]+)', first)
    assert older is not None
    before = (await administrator.get(older[1].replace("&amp;", "&"))).text.partition('id="entries"')[2]
    assert ('href="/members/7"' in before, 'href="/members/40"' in before) == (True, False)
