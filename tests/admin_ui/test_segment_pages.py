"""The builder's edits over HTTP, starting points and the overlap of segments."""

import csv
import io
import re
from datetime import date, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from backend.lake.schemas import EVENTS_SCHEMA
from backend.store import snapshots
from segments.metrics.metric import Measured
from segments.snapshots import EVERYONE, choose, snapshot
from segments.starting_points import STARTING_POINTS
from segments.windows import Window
from tests.admin_ui.conftest import Browser
from tests.admin_ui.test_pages import FRAGMENT, RULE, make_segment

ORDERS = {"mode.r": "all", "subject.r-0": "attribute:orders", "op.r-0": ">=", "value.r-0": "1"}


async def build(browser: Browser, action: str, **fields: str) -> str:
    answer = await browser.post("/segments/build", {**fields, "do": action}, **FRAGMENT)
    assert answer.status_code == 200, answer.text
    return answer.text


def field(text: str, name: str) -> list[str]:
    """The values of the inputs of a name, as the browser would send them back."""
    tags = re.findall(rf'<input [^>]*name="{re.escape(name)}"[^>]*>', text)
    return [re.search(r'value="([^"]*)"', tag)[1] for tag in tags if "checkbox" not in tag or " checked" in tag]  # type: ignore[index] # each has one


async def test_a_text_is_offered_with_its_values_and_counts(administrator: Browser, full: SimpleNamespace) -> None:
    shown = await build(administrator, "add:r:attribute:rank", **ORDERS)
    known = await full.segment_values.of_attribute("rank")
    assert known
    for each in known:
        assert f'<option value="{each.value}">{each.people}人</option>' in shown
    assert field(shown, "value.r-1") == [known[0].value]
    assert 'data-focus="node-r-1"' in shown
    assert "size-figure" in shown


async def test_a_property_is_offered_with_the_people_of_each_value(
    administrator: Browser, full: SimpleNamespace
) -> None:
    known = {each.value: each.people for each in await full.segment_values.of_property("store")}
    assert known["shibuya"]
    event = {"subject.r-0": "event:Order Completed", "op.r-0": "at_least", "times.r-0": "1", "f0-name.r-0": "store"}
    shown = await build(administrator, "filter:r-0", **{"mode.r": "all", **event})
    assert re.search(rf"[^0-9]{known['shibuya']}(</small>|人)", shown)


async def test_a_filter_on_another_property_forgets_the_values_of_the_one_before(
    administrator: Browser, full: SimpleNamespace
) -> None:
    event = {"mode.r": "all", "subject.r-0": "event:Order Completed", "op.r-0": "at_least", "value.r-0": "1"}
    of_store = {"f0-name.r-0": "store", "f0-of.r-0": "store", "f0-op.r-0": "in", "f0-has.r-0": "shibuya"}
    same = await build(administrator, "", **event, **of_store)
    assert field(same, "f0-has.r-0") == ["shibuya"]
    other = await build(administrator, "", **event, **of_store | {"f0-name.r-0": "category"})
    assert "shibuya" not in field(other, "f0-has.r-0")
    assert field(other, "f0-of.r-0") == ["category"]


async def test_ticks_and_typed_texts_become_one_list(administrator: Browser, full: SimpleNamespace) -> None:
    fields = {
        "mode.r": "all",
        "subject.r-0": "attribute:rank",
        "op.r-0": "in",
        "has.r-0": "シルバー",
        "value.r-0": "ゴールド、鉄",
    }
    shown = await build(administrator, "", **fields)
    assert field(shown, "has.r-0") == ["シルバー", "ゴールド", "鉄"]
    assert field(shown, "value.r-0") == [""]


async def test_what_was_removed_can_be_put_back(administrator: Browser, full: SimpleNamespace) -> None:
    fields = {**RULE, "value.r-0": "7"}
    removed = await build(administrator, "remove:r-0", **fields)
    assert "削除しました：購入回数" in removed
    left = {"mode.r": "all", "subject.r-0": "attribute:reachable", "op.r-0": "is_true"}
    kept = field(removed, "removed")[0].replace("&#34;", '"')
    back = await build(administrator, "undo:r", **left, removed=kept)
    assert field(back, "subject.r-0") == ["attribute:orders"]
    assert field(back, "value.r-0") == ["7"]
    assert field(back, "subject.r-1") == ["attribute:reachable"]
    assert "削除しました" not in back


@pytest.mark.parametrize("picture", ["rank", "last_store", "age_band"])
async def test_the_picture_can_be_chosen(administrator: Browser, full: SimpleNamespace, picture: str) -> None:
    answer = await administrator.post("/segments/preview", {**ORDERS, "picture": picture}, **FRAGMENT)
    assert re.search(rf'id="picture-{picture}"[^>]* checked', answer.text)
    sizes = [int(n) for n in re.findall(r'<td class="number" data-tip="[^"]*" tabindex="0">(\d+)<', answer.text)]
    whole = re.search(r'size-figure">(\d+)<', answer.text)
    assert whole is not None
    assert sum(sizes) == int(whole[1])


@pytest.mark.parametrize("point", [each.name for each in STARTING_POINTS if not each.asks])
async def test_a_starting_point_opens_the_builder(administrator: Browser, full: SimpleNamespace, point: str) -> None:
    shown = (await administrator.get(f"/segments/new?start={point}")).text
    assert 'class="size-figure"' in shown
    assert 'aria-invalid="true"' not in shown


async def test_a_store_is_asked_for(administrator: Browser, full: SimpleNamespace) -> None:
    await full.pool.execute(
        """INSERT INTO stores (store_id, name) VALUES ('shibuya', '{"ja": "渋谷店", "en": "Shibuya"}')"""
    )
    asking = (await administrator.get("/segments/new")).text
    assert '<option value="shibuya">渋谷店</option>' in asking
    shown = (await administrator.get("/segments/new?start=store_regulars&store=shibuya")).text
    assert field(shown, "f0-has.r-0") == ["shibuya"]
    assert "一店舗の常連：渋谷店" in shown


async def test_the_overlap_is_shown_and_taken_along(administrator: Browser, full: SimpleNamespace) -> None:
    once = await make_segment(administrator, "一度だけ")
    await administrator.post("/segments", {"name": "購入した方", **ORDERS})
    listed = {each.stored.segment.name: each for each in await full.segment_runs.list()}
    other = listed["購入した方"].stored.segment.id
    address = f"segment={once}&segment={other}"
    shown = (await administrator.get(f"/segments/overlap?{address}")).text
    assert shown.count('class="combination"') >= 1
    file = (await administrator.get(f"/segments/overlap.csv?{address}")).text
    rows = list(csv.reader(io.StringIO(file.lstrip("\ufeff"))))
    assert rows[0][:2] == ["一度だけ", "購入した方"]
    for place, name in enumerate(rows[0][:2]):
        assert sum(int(row[2]) for row in rows[1:] if row[place] == "1") == listed[name].count.size
    assert (await administrator.get("/segments/overlap?segment=999")).status_code == 200


async def test_a_draft_is_kept_shown_published_and_discarded(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    changed = {"name": "x", "version": "1", **RULE, "value.r-0": "5"}
    await administrator.post(f"/segments/{number}/draft", changed)
    assert (await full.segment_runs.get(number)).segment.version == 1
    shown = (await administrator.get(f"/segments/{number}")).text
    assert '<li class="new"><span class="unseen">加わった条件：</span>購入回数がちょうど5回</li>' in shown
    opened = (await administrator.get(f"/segments/{number}/edit?draft=1")).text
    assert field(opened, "value.r-0") == ["5"]
    await administrator.post(f"/segments/{number}/draft/publish")
    assert (await full.segment_runs.get(number)).segment.version == 2
    shown = (await administrator.get(f"/segments/{number}")).text
    assert shown.count("加わった条件：") == 1  # in the list of versions, no longer as a draft
    await administrator.post(f"/segments/{number}/draft", {**changed, "value.r-0": "6"})
    await administrator.post(f"/segments/{number}/draft/discard")
    assert await full.segment_versions.draft(number) is None


async def test_a_draft_that_is_not_whole_keeps_what_was_typed(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    answer = await administrator.post(f"/segments/{number}/draft", {"name": "x", **RULE, "value.r-0": "many"})
    assert answer.status_code == 422
    assert field(answer.text, "value.r-0") == ["many"]
    assert await full.segment_versions.draft(number) is None


async def test_saving_the_draft_that_is_edited_puts_it_in_force(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    await administrator.post(f"/segments/{number}/draft", {"name": "x", **RULE, "value.r-0": "5"})
    opened = (await administrator.get(f"/segments/{number}/edit?draft=1")).text
    begun = field(opened, "draft_saved_at")[0].replace("&#43;", "+")
    saved = {"name": "x", "version": "1", "draft_saved_at": begun, **RULE, "value.r-0": "5"}
    await administrator.post(f"/segments/{number}", saved)
    assert (await full.segment_runs.get(number)).segment.version == 2
    assert await full.segment_versions.draft(number) is None


async def test_publishing_asks_about_what_goes_by_the_segment(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    asking = {"mode.r": "all", "subject.r-0": "segment:", "value.r-0": str(number)}
    await administrator.post("/segments", {"name": "それを使う", **asking})
    await administrator.post(f"/segments/{number}/draft", {**RULE, "value.r-0": "5"})
    asked = await administrator.post(f"/segments/{number}/draft/publish")
    assert asked.headers["location"] == f"/segments/{number}?publish=confirm"
    assert "この条件を使っているものがあります：それを使う" in (await administrator.get(asked.headers["location"])).text
    await administrator.post(f"/segments/{number}/draft/publish", {"confirm": "yes"})
    assert (await full.segment_runs.get(number)).segment.version == 2


async def test_a_circle_of_segments_is_refused_on_its_condition(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    itself = {"mode.r": "all", "subject.r-0": "segment:", "value.r-0": str(number)}
    answer = await administrator.post(f"/segments/{number}", {"name": "輪", "version": "1", **itself})
    assert answer.status_code == 422
    assert re.search(r'class="condition wrong" id="node-r-0"', answer.text)


async def test_a_member_is_told_why(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    preview = await full.segment_runs.preview((await full.segment_runs.get(number)).segment.rule)
    person = preview.sample[0].customer_id
    why = (await administrator.get(f"/segments/{number}/members/{person}")).text
    assert "購入回数がちょうど1回" in why
    assert 'class="badge good"' in why
    listed = await administrator.get(f"/segments/{number}/members")
    assert "まだ数えていません" in listed.text


async def test_the_list_tells_the_change_since_yesterday(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    assert '<span class="quiet">—</span>' in (await administrator.get("/segments")).text
    size = (await full.segment_runs.count(number)).size
    await full.pool.execute(
        "INSERT INTO segment_days (segment_id, business_day, size, reachable, entered, departed)"
        " VALUES ($1, '2026-11-19', $2, 0, 0, 0), ($1, '2026-11-20', $3, 0, 0, 0), ($1, '2026-11-22', 1, 0, 0, 0)",
        number,
        1,
        size + 3,
    )
    assert "<b>▼ 3</b>" in (await administrator.get("/segments")).text
    shown = (await administrator.get(f"/segments/{number}")).text
    assert "data-chart=" in shown


async def test_sentences_call_stores_and_segments_by_name(administrator: Browser, full: SimpleNamespace) -> None:
    await full.pool.execute(
        """INSERT INTO stores (store_id, name) VALUES ('s1', '{"ja": "渋谷店", "en": "Shibuya"}')"""
    )
    number = await make_segment(administrator, "一度だけ")
    fields = {
        "mode.r": "all", "subject.r-0": "segment:", "value.r-0": number,
        "subject.r-1": "event:Order Completed", "measure.r-1": "times", "op.r-1": "at_least", "value.r-1": "1",
        "f0-name.r-1": "store", "f0-op.r-1": "in", "f0-has.r-1": "s1",
    }  # fmt: skip
    for language, store in (("ja", "渋谷店"), ("en", "Shibuya")):
        await administrator.post("/preferences/language", {"language": language})
        answer = await administrator.post("/segments/preview", fields, **FRAGMENT)
        sentence = re.search(r'class="sentence">([^<]*)<', answer.text)
        assert sentence is not None
        assert "一度だけ" in sentence[1]
        assert store in sentence[1]


OF_A_STORE = {
    "mode.r": "all",
    "subject.r-0": "event:Order Completed",
    "op.r-0": "at_least",
    "value.r-0": "1",
    "f0-name.r-0": "store",
    "f0-of.r-0": "store",
    "f0-op.r-0": "in",
    "f0-has.r-0": "shibuya",
}


async def test_the_builder_estimates_while_it_counts(administrator: Browser, full: SimpleNamespace) -> None:
    full.segment_runs._frame.counting = True
    shown = (await administrator.post("/segments/preview", OF_A_STORE, **FRAGMENT)).text
    assert re.search(r'size-figure guessed"><small>約 </small>\d', shown)
    assert "会員100人の抽出による推計です" in shown
    assert "≈" in shown
    poll = "/segments/preview?counting=1"
    assert f'hx-post="{poll}"' in shown
    assert 'hx-trigger="every 1s"' in shown
    assert (await administrator.post(poll, OF_A_STORE, **FRAGMENT)).status_code == 204
    full.segment_runs._frame.failing = True
    failed = await administrator.post(poll, OF_A_STORE, **FRAGMENT)
    assert (failed.headers["hx-retarget"], failed.headers["hx-reswap"]) == ("#counting", "outerHTML")
    assert 'id="counting"' in shown
    assert "正確な人数を数えられませんでした" in failed.text
    assert "every 1s" not in failed.text
    assert 'hx-post="/segments/preview" hx-include="#rule-form"' in failed.text
    full.segment_runs._frame.counting = False
    counted = (await administrator.post(poll, OF_A_STORE, **FRAGMENT)).text
    assert "size-figure" in counted
    assert "推計" not in counted
    assert "every 1s" not in counted


async def test_the_page_of_a_segment_estimates_while_it_counts(administrator: Browser, full: SimpleNamespace) -> None:
    answer = await administrator.post("/segments", {"name": "渋谷で購入", **OF_A_STORE})
    number = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    full.segment_runs._frame.counting = True
    assert "推計" in (await administrator.get(f"/segments/{number}")).text
    assert (await administrator.get(f"/segments/{number}/people?version=1", **FRAGMENT)).status_code == 204
    full.segment_runs._frame.failing = True
    failed = (await administrator.get(f"/segments/{number}/people?version=1", **FRAGMENT)).text
    assert "正確な人数を数えられませんでした" in failed
    again = f"/segments/{number}/people?version=1&amp;again=1"
    assert f'hx-get="{again}"' in failed
    assert "推計" in (await administrator.get(again.replace("&amp;", "&"), **FRAGMENT)).text
    full.segment_runs._frame.counting = False
    counted = (await administrator.get(f"/segments/{number}/people?version=1", **FRAGMENT)).text
    assert "size-figure" in counted
    assert "推計" not in counted


async def test_the_size_says_that_history_was_dropped_as_the_rule_is_typed(
    administrator: Browser, full: SimpleNamespace
) -> None:
    full.segment_runs._frame.raw_since = date(2026, 1, 1)
    on_ios = {**OF_A_STORE, "f0-name.r-0": "platform", "f0-of.r-0": "platform", "f0-has.r-0": "ios"}
    shown = await administrator.post("/segments/preview", on_ios, **FRAGMENT)
    assert shown.status_code == 200
    assert "notice care" in shown.text


RECIPES = {"mode.r": "all", "subject.r-0": "event:Recipe Viewed", "op.r-0": "at_least", "value.r-0": "1"}


@pytest.fixture
def recipes(full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The shop with an event of its own."""
    rows = [
        {"event": "Recipe Viewed", "customer_id": n, "properties": [f"recipe=R{n % 2}", f"minutes={n}"]}
        for n in range(20)
    ]
    monkeypatch.setattr(full.segment_values._history, "events", lambda *_: pl.LazyFrame(rows, schema=EVENTS_SCHEMA))
    monkeypatch.setattr(full.segment_values, "own_events", lambda: ("Recipe Viewed", "Quiz Finished"))
    return full


async def test_an_event_of_the_shops_own_is_offered_with_its_properties_and_values(
    administrator: Browser, recipes: SimpleNamespace
) -> None:
    picker = (await administrator.get("/segments/new")).text
    assert 'value="subject:event:Recipe Viewed"' in picker or "event:Recipe Viewed" in picker
    shown = await build(administrator, "filter:r-0", **RECIPES)
    assert re.search(r'<option value="property:minutes" selected>minutes · 20', shown)
    assert '<option value="property:recipe" >recipe · 20' in shown
    fields = {"f0-name.r-0": "property:recipe", "f0-of.r-0": "property:minutes", "f0-op.r-0": "in"}
    chosen = await build(administrator, "", **RECIPES, **fields)
    assert re.search(r'value="R1".*?<small>10</small>', chosen, re.DOTALL)
    kept = await build(administrator, "", **RECIPES, **fields | {"f0-of.r-0": "property:recipe", "f0-has.r-0": "R1"})
    assert field(kept, "f0-has.r-0") == ["R1"]
    assert "「recipe」が「R1」の「Recipe Viewed」" in kept


async def test_a_property_can_be_typed_and_summed(administrator: Browser, recipes: SimpleNamespace) -> None:
    asked = {**RECIPES, "measure.r-0": "sum", "op.r-0": ">=", "value.r-0": "90.5"}
    shown = await build(administrator, "", **asked)
    assert '<option value="property:minutes" >minutes</option>' in shown
    assert "property:recipe" not in re.search(r'<select[^>]*id="measured-.*?</select>', shown, re.DOTALL)[0]  # type: ignore[index] # it is there
    summed = await build(administrator, "", **asked, **{"measured.r-0": "property:", "measured-own.r-0": "minutes"})
    assert "「Recipe Viewed」の「minutes」の合計が90.5以上" in summed
    named = {"f0-name.r-0": "property:", "f0-own.r-0": "saved", "f0-of.r-0": "property:", "f0-op.r-0": "is_true"}
    assert "「saved」がはいの「Recipe Viewed」" in await build(administrator, "", **RECIPES, **named)
    refused = await build(administrator, "", **RECIPES, **named | {"f0-own.r-0": "email"})
    assert "条件を完成させるか" in refused or "絞り込み" in refused
    assert "「email」がはい" not in refused


async def test_a_segment_shows_its_kept_figures_beside_everyones(administrator: Browser, full: SimpleNamespace) -> None:
    number = int(await make_segment(administrator))
    empty = (await administrator.get(f"/segments/{number}")).text
    assert "毎晩、セグメントごとに記録します" in empty
    assert 'class="kept"' not in empty
    today = (await full.shop.get()).calendar.business_day(full.clock.now())
    choice = choose("launch_rate")
    async with full.pool.acquire() as connection, connection.transaction():
        first, last = today - timedelta(days=3), today - timedelta(days=1)
        await snapshots.plan_days(connection, first=first, last=last, now=full.clock.now())
        rows = [
            snapshot(
                choice, _share(people, day), day=day, segment_id=who, version=1 if who else None, now=full.clock.now()
            )
            for back in (3, 2, 1)
            for day in [today - timedelta(days=back)]
            for who, people in ((number, 3 - back), (EVERYONE, 1))
        ]
        await snapshots.insert_snapshots(connection, rows)
    shown = (await administrator.get(f"/segments/{number}")).text
    row = re.search(r'<table class="kept">.*?<tbody>(.*?)</tbody>', shown, re.DOTALL)[1]  # type: ignore[index] # it is there
    assert f'href="/analysis/launch_rate?segment={number}"' in row
    assert re.findall(r"[+−]?[0-9.]+(?:%|pt)", row) == ["50.0%", "25.0%", "+25.0pt"]
    assert row.count("polyline") == 1
    assert row.count("<tr>") == 1


def _share(people: int, day: date) -> Measured:
    window = Window(day - timedelta(days=27), day)
    return Measured(
        slug="launch_rate", numerator=people, denominator=4, value=people / 4, window=window, incomplete=False
    )
