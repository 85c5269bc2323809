"""書き出し and Webhook通知 as people use them."""

import re
from html import unescape
from types import SimpleNamespace

import pytest

from backend.outbound.client import Answer
from backend.services.webhooks.sending import WebhookRuns
from segments.exports import What, Wish
from tests.admin_ui.conftest import Browser, add
from tests.admin_ui.test_pages import make_campaign, make_segment

FRAGMENT = {"HX-Request": "true"}
HOOK = {"url": "https://hooks.example/joren", "types": ["export.finished"], "description": "在庫連携"}


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_the_pages_in_every_form(administrator: Browser, full: SimpleNamespace, language: str) -> None:
    await administrator.post("/preferences/language", {"language": language})
    segment = await make_segment(administrator)
    await make_campaign(administrator, segment)
    paths = ["/data/exports", "/data/exports/now", "/data/webhooks", "/data/webhooks?state=dead"]
    paths += [f"/data/exports?what={what}" for what in ("customers", "events", "history", "kpi", "campaign", "x")]
    for path in paths:
        assert (await administrator.get(path)).status_code == 200, path


async def test_a_segments_members_are_ordered_written_and_fetched(
    administrator: Browser, full: SimpleNamespace
) -> None:
    segment = await make_segment(administrator)
    assert f"what=customers&amp;segment_id={segment}" in (await administrator.get(f"/segments/{segment}")).text
    form = (await administrator.get(f"/data/exports?what=customers&segment_id={segment}")).text
    assert re.search(rf'<option value="{segment}" selected', form)
    fields = {"what": "customers", "segment_id": segment, "format": "csv", "encoding": "cp932", "personal": "on"}
    assert (await administrator.post("/data/exports", fields)).status_code == 303
    assert 'hx-get="/data/exports/now"' in (await administrator.get("/data/exports")).text
    assert await full.exports.work() == 1
    listed = await administrator.get("/data/exports/now", **FRAGMENT)
    assert ("一度だけの方" in listed.text, "/data/exports/1/file" in listed.text) == (True, True)
    file = await administrator.get("/data/exports/1/file")
    assert file.headers["content-disposition"] == 'attachment; filename="joren-customers-1.csv"'
    assert file.headers["cache-control"] == "no-store"
    header, first = file.content.decode("cp932").splitlines()[:2]
    assert (header.startswith('"customer_id","user_id","name"'), '"M0' in first) == (True, True)
    audit = await full.pool.fetch("SELECT actor, action FROM audit_log WHERE action LIKE 'export.%' ORDER BY audit_id")
    assert [tuple(row) for row in audit] == [
        ("administrator@joren.example", "export.order"),
        ("administrator@joren.example", "export.download"),
    ]


async def test_figures_go_to_excel(administrator: Browser, full: SimpleNamespace) -> None:
    segment = await make_segment(administrator)
    page = (await administrator.get(f"/analysis/launch_rate?segment={segment}")).text
    assert f"what=kpi&amp;kpis=launch_rate&amp;segment_ids={segment}" in page
    fields = {"what": "kpi", "kpis": "launch_rate", "segment_ids": segment, "format": "xlsx", "encoding": "utf-8"}
    assert (await administrator.post("/data/exports", fields)).status_code == 303
    assert await full.exports.work() == 1
    assert (await full.exports.get(1)).rows_done == 2


async def test_a_figure_goes_to_a_file_as_it_was_asked(administrator: Browser, full: SimpleNamespace) -> None:
    """Its options, breakdown, comparison and day are in the link, in the form, in the file and in the list."""
    segment = await make_segment(administrator)
    asked = f"n=3&by=rank&compare=segment:{segment}&as_of=2026-03-20&rule=today&from=2026-03-01&to=2026-03-14"
    page = (await administrator.get(f"/analysis/repeat_purchase_rate?{asked}")).text
    (link,) = re.findall(r'href="(/data/exports\?what=kpi[^"]*)"', page)
    form = (await administrator.get(unescape(link))).text
    for value in ("repeat_purchase_rate?n=3", "rank", f"segment:{segment}", "today"):
        assert re.search(rf'<option value="{re.escape(value)}" selected', form), value
    assert ('value="2026-03-20"' in form, 'value="2026-03-01"' in form) == (True, True)
    fields = {"what": "kpi", "kpis": "repeat_purchase_rate?n=3", "by": "rank", "compare": f"segment:{segment}"}
    fields |= {"as_of": "2026-03-20", "members": "today", "first": "2026-03-01", "last": "2026-03-14", "format": "csv"}
    assert (await administrator.post("/data/exports", fields)).status_code == 303
    assert await full.exports.work() == 1
    assert (await full.exports.get(1)).state == "done"
    listed = (await administrator.get("/data/exports")).text
    assert "回数 N: 3" in listed
    assert ("ランク別" in listed, "一度だけの方と比較" in listed, "2026-03-20の終わり時点" in listed) == (True,) * 3
    refused = await administrator.post("/data/exports", {"what": "kpi", "by": "rnk"})
    assert (refused.status_code, 'id="error-by"' in refused.text) == (422, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"what": "events", "first": "2026-04-01", "encoding": "utf-8"},
        {"what": "everything"},
        {"what": "customers", "format": "exe"},
        {"what": "campaign", "campaign_id": "x"},
    ],
)
async def test_what_cannot_be_is_said_on_the_form(
    administrator: Browser, full: SimpleNamespace, fields: dict[str, str]
) -> None:
    answer = await administrator.post("/data/exports", fields)
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    assert await full.exports.list() == []


async def test_a_viewer_sees_what_was_exported_and_gets_no_file(browser: Browser, full: SimpleNamespace) -> None:
    await add(full, "viewer")
    await browser.sign_in("viewer@joren.example")
    assert (await browser.get("/data/exports")).status_code == 200
    assert (await browser.get("/data/exports/1/file")).status_code == 403
    assert (await browser.post("/data/exports", {"what": "customers"})).status_code == 403
    assert (await browser.get("/data/webhooks")).status_code == 403


async def test_an_endpoint_is_registered_tested_rotated_and_removed(
    administrator: Browser, full: SimpleNamespace
) -> None:
    made = await administrator.post("/data/webhooks", HOOK)
    assert made.status_code == 200
    secret = re.search(r'<pre id="webhook-secret">(whsec_[^<]*)', made.text)
    assert secret
    assert secret[1] not in (await administrator.get("/data/webhooks")).text
    rotated = await administrator.post("/data/webhooks/1/secret")
    assert "whsec_" in rotated.text
    assert secret[1] not in rotated.text
    pinged = await administrator.post("/data/webhooks/1/ping")
    place = pinged.headers["location"]
    assert "every 2s" in (await administrator.get(place)).text

    class Broken:
        async def post(self, url: str, **_: object) -> Answer:
            return Answer(status=503, text="<b>busy</b>", milliseconds=7)

    await WebhookRuns(full.pool, full.clock, caller=Broken()).deliver()
    detail = (await administrator.get(place, **FRAGMENT)).text
    assert ("503" in detail, "&lt;b&gt;busy" in detail) == (True, True)
    assert "503" in (await administrator.get("/data/webhooks")).text
    assert (await administrator.post(f"{place}/resend")).status_code == 303
    assert (await administrator.post("/data/webhooks/1/disabled", {"disabled": "1"})).status_code == 303
    assert (await full.webhooks.get(1)).state == "disabled"
    assert (await administrator.post("/data/webhooks/1/disabled", {"disabled": "0"})).status_code == 303
    assert (await full.webhooks.get(1)).state == "active"
    assert (await administrator.post("/data/webhooks/1/remove")).status_code == 303
    assert await full.webhooks.list() == []


@pytest.mark.parametrize("change", [{"url": "https://10.0.0.1/"}, {"types": []}, {"description": "x" * 201}])
async def test_an_endpoint_that_cannot_be_is_refused_on_its_field(
    administrator: Browser, full: SimpleNamespace, change: dict[str, object]
) -> None:
    answer = await administrator.post("/data/webhooks", {**HOOK, **change})
    assert answer.status_code == 422
    assert f'id="error-{next(iter(change))}"' in answer.text


async def test_people_learn_of_an_endpoint_that_failed_for_days(administrator: Browser, full: SimpleNamespace) -> None:
    await administrator.post("/data/webhooks", HOOK)
    await full.pool.execute("UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = 'failing'")
    assert 'class="notice trouble"' in (await administrator.get("/data/webhooks")).text


@pytest.mark.parametrize(
    ("language", "said"), [("ja", "このセグメントはもうありません。"), ("en", "There is no segment 99.")]
)
async def test_a_failed_export_says_why_in_the_readers_language(
    administrator: Browser, full: SimpleNamespace, language: str, said: str
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    await full.exports.order(Wish(what=What.CUSTOMERS, segment_id=99), by="API key data warehouse")
    assert await full.exports.work() == 1
    listed = (await administrator.get("/data/exports")).text
    asked_by = "APIキー「data warehouse」" if language == "ja" else "API key data warehouse"
    assert (said in listed, asked_by in listed) == (True, True)
    refused = await administrator.get("/data/exports/1/file")
    assert refused.status_code == 409
    assert ("This export has no file" in refused.text) is (language == "en")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "events", "first": "2026-04-02"}, "開始日と終了日は、両方指定するか"),
        ({"what": "events", "first": "2026-04-02", "last": "2026-04-01"}, "終了日が開始日より前です。"),
        ({"what": "campaign"}, "配信を選んでください。"),
        ({"what": "nothing"}, "この内容では書き出せません。"),
    ],
)
async def test_an_order_that_is_not_possible_says_why_in_japanese(
    administrator: Browser, full: SimpleNamespace, fields: dict[str, str], said: str
) -> None:
    answer = await administrator.post("/data/exports", {"format": "csv", "encoding": "utf-8", **fields})
    assert (answer.status_code, said in answer.text) == (422, True)
