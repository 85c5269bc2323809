"""Events, tracking plans and failed events as a person uses the pages."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from admin_ui.failure_words import readable, what_to_do, why
from admin_ui.i18n import LANGUAGES, Say
from admin_ui.plan_form import PROBLEMS, EventForm, Row, form_of, planned
from backend.services import replays
from segments.failures import FAILURES
from segments.plan import built_in, read_plan
from tests.admin_ui.conftest import Browser, add
from tests.services.receiving import LOOSE, STRICT, Door, own

FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
async def door(services: SimpleNamespace) -> Door:
    """An app's source whose events pass by the pages' own clock."""
    door = await Door.open(services.pool)
    door.clock = services.clock
    return door


async def text_of(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.text)


async def test_events_with_volume_violations_and_properties(administrator: Browser, door: Door) -> None:
    await door.plan(STRICT)
    await door.send(own("m1", size=5, city="渋谷"), own("m2", size="<b>"), {"type": "identify", "userId": "u"})
    listed = await text_of(administrator, "/data?sort=-violated")
    assert 'href="/data/event?name=Own"' in listed
    assert '<span class="badge care">1</span>' in listed
    shown = await text_of(administrator, f"/data/event?name=Own&source={door.source_id}")
    for part in (
        "<code>properties.size</code>",
        "プロパティの型が計画と違います",
        "渋谷",
        "文字, 整数",
        "&lt;b&gt;",
        "50%",
    ):
        assert part in shown, part
    assert "Own" not in await text_of(administrator, "/data?source=1")
    assert "日間、イベントがありません" in await text_of(administrator, "/data/event?name=Other")
    assert (await administrator.get("/data/event?name=")).status_code == 404


async def test_a_plan_is_begun_edited_and_taken_back(
    administrator: Browser, services: SimpleNamespace, door: Door
) -> None:
    plan = f"/data/plans/{door.source_id}"
    assert "計画がないので" in await text_of(administrator, plan)
    assert (await administrator.post(f"{plan}/begin")).status_code == 303
    assert "購入" in await text_of(administrator, plan)

    await door.send(own("m1", size=5))
    assert f"{plan}/event?name=Own" in await text_of(administrator, plan)
    form = await text_of(administrator, f"{plan}/event?name=Own")
    assert 'name="path.0" value="size"' in form, "filled from what came"

    fields = {"name": "Own", "based_on": "1", "original": "", "path.0": "size", "type.0": "integer", "required.0": "on"}
    more = await administrator.post(f"{plan}/event", {**fields, "do": "more"})
    assert more.text.count('name="path.') == 4
    wrong = await administrator.post(f"{plan}/event", {**fields, "path.1": "a..b", "do": "save"})
    assert wrong.status_code == 422
    assert "products[].price のように" in wrong.text
    assert 'value="a..b"' in wrong.text
    taken = await administrator.post(f"{plan}/event", {**fields, "name": "Order Completed"})
    assert "すでに計画にあります" in taken.text
    assert (await administrator.post(f"{plan}/event", {**fields, "do": "save"})).status_code == 303
    stale = await administrator.post(f"{plan}/event", {**fields, "original": "Own", "do": "save"})
    assert "ほかの人が先に" in stale.text

    stands = await services.plans.get(door.source_id)
    assert (stands.version, len(stands.plan.events)) == (2, len(built_in().events) + 1)
    renamed = {**fields, "name": "Renamed", "original": "Own", "based_on": "2", "do": "save"}
    await administrator.post(f"{plan}/event", renamed)
    await administrator.post(f"{plan}/event", {"original": "Order Completed", "based_on": "3", "do": "remove"})
    names = [event.name for event in (await services.plans.get(door.source_id)).plan.events]
    assert names[-1] == "Renamed"
    assert {"Own", "Order Completed"}.isdisjoint(names)
    await administrator.post(f"{plan}/restore", {"version": "2", "based_on": "4"})
    assert (await services.plans.get(door.source_id)).plan == stands.plan
    await administrator.post(f"{plan}/drop")
    assert (await services.plans.get(door.source_id)).plan is None


async def test_rules_files_and_their_faults(administrator: Browser, services: SimpleNamespace, door: Door) -> None:
    plan = f"/data/plans/{door.source_id}"
    bad = await administrator.post(f"{plan}/import", {"document": '{"events": 5}', "based_on": ""})
    assert bad.status_code == 422
    assert "計測計画として読めません" in bad.text
    assert "&#34;events&#34;: 5" in bad.text
    await administrator.post(f"{plan}/import", {"document": json.dumps(STRICT), "based_on": ""})
    rules = {"on_violation": "quarantine", "ga4_names": "on", "closed": "on", "based_on": "1"}
    assert (await administrator.post(f"{plan}/decide", rules)).status_code == 303
    stands = await services.plans.get(door.source_id)
    assert (stands.on_violation, stands.ga4_names, stands.plan.closed) == ("quarantine", True, True)
    exported = await administrator.get(f"{plan}/export")
    assert exported.headers["content-disposition"].startswith("attachment")
    assert read_plan(exported.content) == stands.plan
    assert (await administrator.post(f"{plan}/decide", {**rules, "on_violation": "drop"})).status_code == 200
    assert "GA4の名前" in await text_of(administrator, "/data/plans")
    assert (await administrator.get("/data/plans/1")).status_code == 404


async def test_failed_events_are_understood_tried_and_replayed(administrator: Browser, door: Door) -> None:
    await door.plan(STRICT, on_violation="quarantine")
    await door.send(own("m1"), own("m2"), b'{"type":"track","p":"\xff\xe2\x80\xae<script>"')
    listed = await text_of(administrator, "/data/failed")
    for part in ("未処理 3件", "計測計画に合いません", "JSONとして読めません", "ソースの計測計画を緩めて"):
        assert part in listed, part
    (first, *_) = await door.failed.list(limit=1)
    detail = await text_of(administrator, f"/data/failed/{first.failed_id}")
    assert "\\xff\\u202e&lt;script&gt;" in detail
    assert "まだ取り込めません" in detail

    await door.plan(LOOSE, on_violation="quarantine")
    tried = await text_of(administrator, f"/data/failed?try=1&source={door.source_id}&event=Own&code=plan_violation")
    assert "試した2件のうち、2件は取り込めます" in tried
    number = (await door.failed.list(limit=3))[-1].failed_id
    assert "取り込めます" in await text_of(administrator, f"/data/failed/{number}")
    sent = await administrator.post("/data/failed/replay", {"failed_id": str(number)})
    assert "取り込み直しました" in await text_of(administrator, f"/data/failed/{number}")
    assert sent.headers["location"].startswith("/data/replays/")
    rest = await administrator.post("/data/failed/replay", {"code": "plan_violation", "event": "Own"})
    done = await text_of(administrator, rest.headers["location"])
    assert "再び失敗したものはありません" in done
    again = await administrator.post("/data/failed/replay", {"code": "plan_violation"})
    assert again.headers["location"] == "/data/failed?notice=nothing_waits"
    assert await door.rows() == ["m1", "m2"]
    assert "administrator@joren.example" in await text_of(administrator, "/data/failed?state=recovered")


async def test_a_long_replay_shows_how_far_it_is(
    administrator: Browser, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "STEP", 2)
    await door.plan(STRICT, on_violation="quarantine")
    await door.send(*(own(f"m{n}") for n in range(7)))
    await door.plan(LOOSE)
    sent = await administrator.post("/data/failed/replay")
    shown = await administrator.get(sent.headers["location"], **FRAGMENT)
    assert "7件中4件" in shown.text
    assert 'hx-trigger="load delay:2s"' in shown.text
    while await door.replays.work():
        pass
    shown = await administrator.get(sent.headers["location"], **FRAGMENT)
    assert "7件中7件" in shown.text
    assert "hx-trigger" not in shown.text


async def test_viewers_look_and_change_nothing(browser: Browser, services: SimpleNamespace, door: Door) -> None:
    await add(services, "viewer")
    await browser.sign_in("viewer@joren.example")
    await door.plan(STRICT, on_violation="quarantine")
    await door.send(own("m1"))
    plan = f"/data/plans/{door.source_id}"
    for path in ("/data", "/data/event?name=Own", "/data/failed", "/data/plans", plan, f"{plan}/export"):
        shown = await text_of(browser, path)
        assert "/data/failed/replay" not in shown
    assert (await browser.get(f"{plan}/event")).status_code == 403
    for path in (
        "/data/failed/replay",
        f"{plan}/begin",
        f"{plan}/import",
        f"{plan}/decide",
        f"{plan}/drop",
        f"{plan}/event",
    ):
        assert (await browser.post(path)).status_code == 403, path
    assert await door.rows() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*FAILURES, "a code of tomorrow"])
def test_every_failure_is_explained(code: str, language: str) -> None:
    say = Say(language)
    assert why(code, say)
    advice = what_to_do(code, say)
    assert advice
    assert (re.search(r"[ぁ-ん]", advice) is not None) == (language == "ja")


def test_bytes_are_shown_safely() -> None:
    assert readable(b"a\x00b\x1b[31m\xff\t\n\xe3\x81\x82\xe2\x80\xae") == "a\\u0000b\\u001b[31m\\xff\t\nあ\\u202e"


@pytest.mark.parametrize("event", built_in().events, ids=str)
def test_a_planned_event_survives_its_form(event: Any) -> None:
    assert planned(form_of(event)) == (event, {})


@pytest.mark.parametrize(
    ("typed", "field", "problem"),
    [
        (EventForm(name=""), "name", "bad_name"),
        (EventForm(name="Own", note="x" * 501), "note", "bad_note"),
        (EventForm(name="Own", rows=(Row("p"), Row("q[", "string"))), "path.1", "bad_path"),
        (EventForm(name="Own", rows=(Row("p"), Row("p"))), "path.1", "twice"),
        (EventForm(name="Own", rows=(Row("p", "enum"),)), "path.0", "bad_values"),
        (EventForm(name="Own", rows=(Row("p", "enum", values="x" * 201),)), "path.0", "bad_value"),
        (EventForm(name="Own", rows=(Row("p[]", "string", required=True),)), "path.0", "required_element"),
        (EventForm(name="Own", rows=(Row("p.q"), Row("p", "string"))), "path.0", "bad_holder"),
    ],
)
def test_faults_stand_at_their_fields(typed: EventForm, field: str, problem: str) -> None:
    assert planned(typed) == (None, {field: PROBLEMS[problem]})
