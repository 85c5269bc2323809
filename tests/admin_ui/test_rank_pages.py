"""Rank rules on their page: typed, looked at before they are saved, kept by version."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from admin_ui import rank_views
from admin_ui.i18n import Say
from segments.rank_rules import Criterion, Promotion, Rank, RankRules
from tests.admin_ui.conftest import Browser, add
from tests.admin_ui.fakes import FakeFrame

LADDER: dict[str, Any] = {
    "rank": ["レギュラー", "シルバー", "ゴールド"],
    "threshold": ["0", "3,000", "10000"],
    "criterion": "amount",
    "period": "rolling",
    "year_starts": "4",
    "promotion": "at_once",
    "return_days": "14",
    "demotion_dates": "1、4/1",
    "grace_days": "30",
    "floor": "シルバー",
    "valid_from": "2026-11-22",
}


async def test_the_form_is_previewed_and_then_saved(administrator: Browser, full: SimpleNamespace) -> None:
    assert "まだ設定されていません" in (await administrator.get("/settings/ranks")).text
    looked = await administrator.post("/settings/ranks", {**LADDER, "do": "preview"})
    assert looked.status_code == 200
    assert 'id="preview"' in looked.text
    assert await full.rank_desk.versions() == ()
    saved = await administrator.post("/settings/ranks", {**LADDER, "do": "save", "note": "はじめて"})
    assert saved.headers["location"] == "/settings/ranks?notice=saved"
    (version,) = await full.rank_desk.versions()
    assert version.rules == RankRules(
        ranks=(Rank("レギュラー"), Rank("シルバー", 3000), Rank("ゴールド", 10000)),
        demotion_dates=("01", "04-01"),
        grace_days=30,
        floor="シルバー",
    )
    assert (version.valid_from, version.saved_by) == (date(2026, 11, 22), "administrator@joren.example")
    text = (await administrator.get("/settings/ranks")).text
    assert 'value="10000"' in text
    assert "はじめて" in text


async def test_what_is_wrong_stands_at_its_field(administrator: Browser, full: SimpleNamespace) -> None:
    wrong = {**LADDER, "threshold": ["0", "5000", "much"], "demotion_dates": "13-01", "do": "save"}
    answer = await administrator.post("/settings/ranks", wrong)
    assert answer.status_code == 422
    assert {"ranks", "demotion_dates"} <= {field for field in LADDER | {"ranks": ""} if f"error-{field}" in answer.text}
    assert 'value="much"' in answer.text
    await administrator.post("/settings/ranks", {**LADDER, "do": "save"})
    past = await administrator.post("/settings/ranks", {**LADDER, "valid_from": "2026-11-01", "do": "save"})
    assert (past.status_code, "error-valid_from" in past.text) == (422, True)
    assert len(await full.rank_desk.versions()) == 1


async def test_rows_are_added_and_removed_without_saving(administrator: Browser, full: SimpleNamespace) -> None:
    more = (await administrator.post("/settings/ranks", {**LADDER, "do": "add"})).text
    assert more.count('name="rank"') == 4
    less = (await administrator.post("/settings/ranks", {**LADDER, "do": "remove-1"})).text
    assert "シルバー" not in less.split('name="promotion"')[0].replace('value="シルバー" list', "")
    assert await full.rank_desk.versions() == ()


async def test_only_administrators_change_rules_and_everybody_sees_them(
    browser: Browser, full: SimpleNamespace
) -> None:
    await browser.sign_in(await add(full, "marketer"))
    assert (await browser.get("/settings/ranks")).status_code == 200
    assert (await browser.post("/settings/ranks", {**LADDER, "do": "save"})).status_code == 403


async def test_a_members_way_stands_on_a_page_of_its_own(administrator: Browser, full: SimpleNamespace) -> None:
    rules = RankRules(ranks=(Rank("base"), Rank("buyer", 1)), criterion=Criterion.ORDERS)
    await full.rank_desk.save(rules, valid_from=date(2026, 1, 1), actor="test")
    who = FakeFrame(customers=120).read().frame.filter(pl.col("orders") > 0).collect()
    answer = await administrator.get(f"/members/{who.item(0, 'customer_id')}/ranks")
    assert answer.status_code == 200
    assert "buyer" in answer.text


@pytest.mark.parametrize(
    "rules",
    [
        RankRules(ranks=(Rank("a"), Rank("b", 1250))),
        RankRules(ranks=(Rank("a"), Rank("b", 3)), criterion=Criterion.ORDERS, promotion=Promotion.DATES, promotion_dates=("15", "02-29")),
        RankRules(ranks=(Rank("a"), Rank("b", 3)), promotion=Promotion.AFTER_RETURN, return_days=9, floor="b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("currency", ["JPY", "USD"])
def test_the_form_gives_back_the_rules_that_it_was_given(rules: RankRules, currency: str) -> None:
    given = rank_views.written(rules, "2026-11-22", currency)
    assert rank_views.read(given, currency, Say("en")) == (rules, {})
    assert all(rank_views.sentences(rules, Say(language)) for language in ("ja", "en"))
