"""Rules read as sentences in both languages."""

from typing import Any

import pytest
from hypothesis import given

from segments.events import VOCABULARY
from segments.rules import words
from segments.rules.behaviour import LEDGER_EVENTS
from segments.rules.describe import describe
from segments.rules.operators import KINDS, Kind
from segments.rules.parse import parse
from tests.segments.rules import strategies
from tests.segments.rules.cases import attribute, did

GOLD = attribute("rank", "is", "gold")
SENTENCES: list[tuple[Any, str, str]] = [
    ({"all": []}, "すべての会員", "everyone"),
    (
        {"all": [attribute("orders", "=", 1), did("at_most", 0, 30), attribute("reachable", "is_true")]},
        "購入回数がちょうど1回 かつ 過去30日間に購入がない かつ 通知が届く",
        "has exactly 1 order and has not ordered in the last 30 days and can be reached by push",
    ),
    (
        {"any": [GOLD, {"all": [attribute("consented", "is_false"), did("at_least", 1)]}]},
        "会員ランクが「gold」 または （お知らせに同意していない かつ これまでに購入がある）",
        'rank is "gold" or (has not consented to marketing and has ordered at least once)',
    ),
    ({"all": [{"any": [GOLD]}]}, "会員ランクが「gold」", 'rank is "gold"'),
    ({"not": GOLD}, "（会員ランクが「gold」）に当てはまらない", 'not (rank is "gold")'),
    (attribute("orders", "!=", 2), "購入回数が2回ではない", "does not have exactly 2 orders"),
    (attribute("birth_year", "!=", 1990), "生まれ年が1990年ではない", "birth year is not exactly 1990"),
    (attribute("visits", "<", 1), "来店回数が1回未満", "has fewer than 1 visit"),
    (attribute("points", "<=", 1000), "ポイント残高が1,000ポイント以下", "has at most 1,000 points"),
    (attribute("launches", ">", 10), "起動回数が10回より多い", "has more than 10 launches"),
    (attribute("spend", ">=", 5000), "購入金額が5,000円以上", "net spend is at least ¥5,000"),
    (
        attribute("birth_year", "between", [1980, 1989]),
        "生まれ年が1980年以上1989年以下",
        "birth year is between 1980 and 1989",
    ),
    (attribute("birth_month", "=", 3), "誕生月が3月", "birth month is exactly 3"),
    (attribute("rank", "is_not", "gold"), "会員ランクが「gold」ではない", 'rank is not "gold"'),
    (
        attribute("rank", "in", ["gold", "silver"]),
        "会員ランクが「gold」「silver」のいずれか",
        'rank is one of "gold", "silver"',
    ),
    (attribute("rank", "not_in", ["gold"]), "会員ランクが「gold」のいずれでもない", 'rank is none of "gold"'),
    (attribute("platform", "contains", "i"), "OSに「i」を含む", 'platform contains "i"'),
    (attribute("prefecture", "starts_with", "東"), "都道府県が「東」で始まる", 'prefecture starts with "東"'),
    (attribute("rank", "is_set"), "会員ランクの記録がある", "rank is known"),
    (attribute("last_order", "is_not_set"), "最終購入日の記録がない", 'the day of "last order" is not known'),
    (
        attribute("last_order", "within_days", 30),
        "最終購入日が過去30日以内",
        "last ordered in the last 30 days",
    ),
    (attribute("last_order", "within_days", 1), "最終購入日が過去1日以内", "last ordered today"),
    (
        attribute("next_coupon_expiry", "next_days", 7),
        "次に失効するクーポンの期限が今日から7日以内",
        "has a coupon that expires in the next 7 days",
    ),
    (
        attribute("next_coupon_expiry", "next_days", 1),
        "次に失効するクーポンの期限が今日",
        "has a coupon that expires today",
    ),
    (attribute("last_order", "before_days", 30), "最終購入日が30日以上前", "last ordered at least 30 days ago"),
    (attribute("last_order", "before_days", 1), "最終購入日が1日以上前", "last ordered at least 1 day ago"),
    (
        attribute("joined", "on_or_after", "2026-01-05"),
        "入会日が2026年1月5日以降",
        "joined on or after 5 January 2026",
    ),
    (
        attribute("joined", "on_or_before", "2026-12-31"),
        "入会日が2026年12月31日以前",
        "joined on or before 31 December 2026",
    ),
    (did("at_least", 1, 7), "過去7日間に購入がある", "has ordered in the last 7 days"),
    (did("at_least", 2, 7), "過去7日間の購入が2回以上", "has ordered at least twice in the last 7 days"),
    (did("at_most", 3), "これまでの購入が3回以下", "has ordered at most 3 times"),
    (did("exactly", 1, 1), "過去1日間の購入がちょうど1回", "has ordered exactly once today"),
    (did("at_most", 0), "一度も購入がない", "has never ordered"),
    (
        did("at_least", 1, 7, "Spun The Wheel"),
        "過去7日間に「Spun The Wheel」がある",
        'has done "Spun The Wheel" in the last 7 days',
    ),
]


@pytest.mark.parametrize(("document", "ja", "en"), SENTENCES, ids=[sentence[2] for sentence in SENTENCES])
def test_describes(document: Any, ja: str, en: str) -> None:
    assert describe(parse(document), "ja") == ja
    assert describe(parse(document), "en") == en


@pytest.mark.parametrize(
    ("minor", "currency", "ja", "en"),
    [
        (-500, "JPY", "-500円", "-¥500"),
        (1250, "GBP", "£12.50", "£12.50"),
        (1250, "CHF", "CHF 12.50", "CHF 12.50"),
    ],
)
def test_money_is_told_in_the_shops_currency(minor: int, currency: str, ja: str, en: str) -> None:
    rule = parse(attribute("spend", "=", minor))
    assert describe(rule, "ja", currency=currency) == f"購入金額が{ja}"
    assert describe(rule, "en", currency=currency) == f"net spend is exactly {en}"


@given(document=strategies.rules)
def test_every_rule_has_words(document: Any) -> None:
    for language in ("ja", "en"):
        sentence = describe(parse(document), language)
        assert sentence
        assert "{" not in sentence


def test_every_event_day_and_yes_or_no_has_a_phrase() -> None:
    assert set(words.DONE) == {*(event.name for event in VOCABULARY), *LEDGER_EVENTS}
    assert set(words.YES_NO) == {name for name, kind in KINDS.items() if kind is Kind.BOOLEAN}
    assert set(words.WHEN) == {name for name, kind in KINDS.items() if kind is Kind.DATE}
