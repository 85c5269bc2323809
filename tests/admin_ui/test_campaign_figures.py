"""A report with its goal, arms and parts; the calendar; the view on frequency: in Japanese and English, empty and full."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from admin_ui import report_views
from backend.store import campaign_tests
from campaigns.content import Content
from campaigns.effect import Verdict
from campaigns.intervals import Interval
from campaigns.programme import Comparison, Composition, Measure, Programme, Standing
from campaigns.steps import Exit, Wait
from campaigns.trigger import OnDate, OnEvent
from campaigns.winner import Tried, WinnerRule, decide, to_json
from segments.rules.parse import parse
from tests.admin_ui.conftest import Browser
from tests.fixtures.shop_floor import NOON as THEN
from tests.fixtures.shop_floor import ShopFloor
from tests.services.test_campaign_reports import filled


@pytest.fixture
async def number(services: SimpleNamespace) -> int:
    """A campaign of two versions that went out and has ended, by a ledger with a bit of everything."""
    floor = ShopFloor(services.pool, clock=services.clock)
    ledger = await filled(floor, people=60, hypothesis="新商品なら2回目の来店が増える", goal_target=5.0)
    return ledger.campaign_id


async def test_the_report_tells_goal_arms_sales_and_parts(administrator: Browser, number: int) -> None:
    text = (await administrator.get(f"/campaigns/{number}")).text
    for said in (
        "仮説と目標",
        "新商品なら2回目の来店が増える",
        "目標 5.0%",
        "文面 A",
        "文面 B",
        "売上とクーポン",
        "1人あたり売上",
    ):
        assert said in text
    assert f"/campaigns/{number}/breakdown?by=store" in text
    parts = (await administrator.get(f"/campaigns/{number}/breakdown?by=store")).text
    for said in ("内訳", "S01", "S02", "いまの値で分けています", "そのため区間を広げ"):
        assert said in parts
    fragment = await administrator.get(f"/campaigns/{number}/breakdown?by=platform", **{"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert "Android" in fragment.text


async def test_where_presenting_counts_as_use_the_parts_say_so_too(
    administrator: Browser, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = report_views._line
    monkeypatch.setattr(report_views, "_line", lambda *given: replace(told(*given), by_presenting=True))
    for page in (f"/campaigns/{number}", f"/campaigns/{number}/breakdown?by=store"):
        assert "· 提示" in (await administrator.get(page)).text, page


@pytest.mark.parametrize(
    ("language", "open_words", "decided_words"),
    [
        (
            "ja",
            ("文面のテスト", "に決めます。残りの人はそれまで待機します。"),
            ("文面 B の勝ち。残りの人に送ります", "数字が示しています", "+4.0pt"),
        ),
        (
            "en",
            ("Test of the versions", "until then the rest waits"),
            ("Version B is the winner", "The figures show it", "+4.0pt"),
        ),
    ],
)
async def test_a_test_of_versions_is_told_before_and_after_its_decision(
    administrator: Browser,
    services: SimpleNamespace,
    language: str,
    open_words: Sequence[str],
    decided_words: Sequence[str],
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    floor = ShopFloor(services.pool, clock=services.clock)
    ledger = await filled(floor, people=60, winner=WinnerRule(wait=timedelta(hours=4)))
    at = f"/campaigns/{ledger.campaign_id}"
    await services.pool.execute(
        "INSERT INTO campaign_tests (campaign_id, due_at) VALUES ($1, $2)", ledger.campaign_id, THEN
    )
    await services.pool.execute("UPDATE campaign_people SET rest = customer_id % 2 = 0")
    text = (await administrator.get(at)).text
    for said in open_words:
        assert said in text
    tried = [Tried("A", 5_000, 250), Tried("B", 5_000, 500)]
    async with services.pool.acquire() as connection:
        await campaign_tests.decide(
            connection,
            campaign_id=ledger.campaign_id,
            variant="B",
            decision=to_json(decide(WinnerRule(), tried)),
            as_of=THEN,
            now=THEN,
        )
    text = (await administrator.get(at)).text
    for said in decided_words:
        assert said in text
    heading = {"ja": "文面", "en": "Version of the text"}[language]
    assert f"<th>{heading}</th>" in text.split('id="winner"')[1], "no version of the campaign"


async def test_a_segment_is_chosen_first(administrator: Browser, number: int, services: SimpleNamespace) -> None:
    empty = (await administrator.get(f"/campaigns/{number}/breakdown?by=segment")).text
    assert "セグメントを選ぶと" in empty
    segment = (await services.segment_runs.create("全員", parse({"all": []}), actor="test")).segment.id
    text = (await administrator.get(f"/campaigns/{number}/breakdown?by=segment&segment={segment}")).text
    assert ("セグメントの会員" in text, "そのほかの方" in text) == (True, True)


async def test_the_calendar_shows_months_and_who_always_listens(
    administrator: Browser, number: int, services: SimpleNamespace
) -> None:
    assert number
    empty = (await administrator.get("/campaigns/calendar?month=2026-02")).text
    assert "2026年2月" in empty
    assert "この月の配信も予定もありません" in empty
    june = (await administrator.get(f"/campaigns/calendar?month={THEN:%Y-%m}")).text
    assert "Tea" in june
    floor, visit = ShopFloor(services.pool, clock=services.clock), OnEvent(event="Store Visited")
    steps = (Wait(time=timedelta(days=1)), Exit())
    for name, trigger, ways in (
        ("誕生日", OnDate(date="birthday"), ()),
        ("来店", visit, ()),
        ("シナリオ", visit, steps),
    ):
        said = {"content": Content(), "steps": ways} if ways else {}
        made = (await floor.campaign(name, trigger=trigger, **said)).summary
        at = services.clock.now() + timedelta(hours=1)
        await floor.desk.schedule(made.campaign_id, at=at, revision=made.revision, by="test")
    now = (await administrator.get("/campaigns/calendar?month=nonsense")).text
    assert ("2026年11月" in now, "calendar-entry planned" in now, "いつでも始まる配信" in now) == (True, True, True)


async def test_frequency_shows_weeks_and_campaigns(administrator: Browser, number: int) -> None:
    text = (await administrator.get("/campaigns/fatigue?weeks=26")).text
    assert "1週間に届いた通数ごとの人数" in text
    assert f'href="/campaigns/{number}"' in text
    short = (await administrator.get("/campaigns/fatigue?weeks=4")).text
    assert "この期間に配信はありません" in short
    english = (await administrator.get("/campaigns/fatigue", **{"Accept-Language": "en"})).text
    assert "配信の頻度" in english or "Frequency" in english


def told_programme() -> Programme:
    """A closed month with a verdict."""
    span = Interval(0.001, 0.009)
    line = Comparison(measure=Measure.BUYERS, treated=0.105, held_out=0.1, difference=0.005, interval=span)
    sales = Comparison(measure=Measure.SALES, treated=812.0, held_out=790.0, difference=22.0, interval=Interval(-3, 47))
    orders = Comparison(measure=Measure.ORDERS, treated=0.31, held_out=0.3, difference=0.01, interval=None)
    return Programme(
        first=date(2026, 10, 1),
        last=date(2026, 10, 31),
        standing=Standing.TOLD,
        percent=5.0,
        since=THEN,
        as_of=THEN,
        composition=Composition(treated=95_000, held_out=5_000, expected=0.05, surprise=0.5),
        verdict=Verdict.RAISED,
        comparisons=(line, sales, orders),
    )


@pytest.mark.parametrize(
    ("language", "empty", "full"),
    [
        (
            "ja",
            ("すべての配信を止めている人はいません", "設定で割合を決める"),
            ("配信で上がっています", "10.50%", "+¥22", "どの配信も送らない群"),
        ),
        (
            "en",
            ("Nobody is held out of all campaigns", "10%"),
            ("The campaigns raise it", "10.50%", "+¥22", "Held out of all"),
        ),
    ],
)
async def test_the_whole_programme_is_told_empty_and_full(
    administrator: Browser, services: SimpleNamespace, language: str, empty: Sequence[str], full: Sequence[str]
) -> None:
    await administrator.post("/preferences/language", {"language": language})
    text = (await administrator.get("/campaigns/programme")).text
    for said in empty:
        assert said in text
    told = told_programme()
    services.programme_reports = SimpleNamespace(report=AsyncMock(return_value=told))
    text = (await administrator.get("/campaigns/programme?period=2026-Q3")).text
    assert services.programme_reports.report.await_args.args == ("2026-Q3",)
    for said in full:
        assert said in text
    odd = replace(
        told, composition=Composition(treated=95_000, held_out=4_000, expected=0.05, surprise=1e-9), verdict=None
    )
    for other, words in (
        (replace(odd, comparisons=()), ("千回に1回も", "less than once in a thousand")),
        (
            replace(told, standing=Standing.RUNNING, verdict=None, comparisons=()),
            ("まだ終わっていません", "is not closed"),
        ),
        (
            replace(told, standing=Standing.CHANGED, composition=None, verdict=None, comparisons=()),
            ("同じ群ではありません", "not the same"),
        ),
    ):
        services.programme_reports.report.return_value = other
        text = (await administrator.get("/campaigns/programme?period=x")).text
        assert words[language == "en"] in text
