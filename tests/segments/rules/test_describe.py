"""Rules read as sentences in both languages."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given

from segments.errors import RuleError
from segments.events import VOCABULARY
from segments.rules import words
from segments.rules.behaviour import LEDGER_EVENTS
from segments.rules.conditions import CONDITIONS
from segments.rules.describe import describe
from segments.rules.operators import KINDS, Kind
from segments.rules.parse import parse
from segments.rules.telling import Names
from tests.segments.rules import strategies
from tests.segments.rules.cases import attribute, did

ORDERED = "Order Completed"
OPENED = did("at_least", 1, None, "Application Opened")
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
    (attribute("age", ">=", 20), "年齢が20歳以上", "age is at least 20"),
    (
        attribute("age_band", "in", ["20-29", "70-"]),
        "年代が「20代」「70歳以上」のいずれか",
        'age band is one of "20–29", "70 and over"',
    ),
    (
        attribute("life_cycle", "is", "dormant"),
        "ライフサイクルが「休眠」",
        'life-cycle state is "Dormant"',
    ),
    (attribute("birthday_in", "=", 0), "今日が誕生日", "has a birthday today"),
    (attribute("birthday_in", "=", 1), "1日後が誕生日", "has a birthday in exactly 1 day"),
    (attribute("birthday_in", "<=", 7), "誕生日が今日から7日以内", "has a birthday within the next 7 days"),
    (attribute("birthday_in", "between", [7, 14]), "誕生日が7日後から14日後まで", "has a birthday in 7 to 14 days"),
    (attribute("birthday_in", ">", 7), "誕生日までの日数が7日より多い", "has more than 7 days to the birthday"),
    (attribute("prefecture", "not_contains", "県"), "都道府県に「県」を含まない", 'prefecture does not contain "県"'),
    (attribute("trait:色", "is", "赤"), "属性「色」が「赤」", 'trait "色" is "赤"'),
    (attribute("trait:vip", "is_false"), "属性「vip」が「はい」でない", 'trait "vip" is not yes'),
    (attribute("trait:it", "has_none", ["a"]), "属性「it」に「a」のいずれもない", 'trait "it" has none of "a"'),
    (
        attribute("trait:day", "on_or_after", "2026-01-05"),
        "属性「day」が2026年1月5日以降",
        'trait "day" is on or after 5 January 2026',
    ),
    ({"segment": 12}, "セグメント「#12」に属する", 'is in the segment "#12"'),
    ({"list": 3}, "リスト「#3」に載っている", 'is on the list "#3"'),
    (
        {"share": [0, 12.5], "salt": "春"},
        "無作為に選んだ12.5%に入る（抽選「春」の0%から12.5%）",
        'is in a random 12.5% (0% to 12.5% of the draw "春")',
    ),
    (OPENED | {"weeks": 1}, "過去1週間にアプリの起動がある", "has opened the app in the last week"),
    (
        OPENED | {"hours": 6, "times": 2},
        "過去6時間のアプリの起動が2回以上",
        "has opened the app at least twice in the last 6 hours",
    ),
    (OPENED | {"minutes": 1}, "過去1分間にアプリの起動がある", "has opened the app in the last minute"),
    (
        did("at_most", 0) | {"from": "2026-01-01", "to": "2026-01-31"},
        "2026年1月1日から2026年1月31日までに購入がない",
        "has not ordered from 1 January 2026 to 31 January 2026",
    ),
    (did("at_least", 1) | {"to": "2026-01-31"}, "2026年1月31日までに購入がある", "has ordered up to 31 January 2026"),
    (
        did("at_least", 2, 30) | {"where": {"store": "S1", "category": {"not_in": ["茶"]}, "amount": {">=": 1000}}},
        "過去30日間の店舗「S1」でのカテゴリー「茶」を含まない1,000円以上の購入が2回以上",
        'has ordered at store "S1" with nothing from category "茶" for at least ¥1,000 at least twice in the last 30 days',
    ),
    (
        did("at_least", 1, None, "Store Visited") | {"where": {"store": {"not_in": ["S1", "S2"]}, "platform": "ios"}},
        "これまでに「S1」「S2」以外の店舗でのOS「ios」での来店がある",
        'has visited a store other than "S1" or "S2" on platform "ios" at least once',
    ),
    (
        did("at_least", 1, 7, "Membership Rank Changed") | {"where": {"rank": ["gold", "silver"]}},
        "過去7日間に会員ランクの「gold」「silver」のいずれかへの変更がある",
        'has changed rank to rank "gold" or "silver" in the last 7 days',
    ),
    (
        did("at_least", 1, 7, "Coupon Redeemed") | {"where": {"coupon": {"not_in": ["春"]}, "store": "S1"}},
        "過去7日間に店舗「S1」での「春」以外のクーポンの利用がある",
        'has redeemed a coupon other than "春" at store "S1" in the last 7 days',
    ),
    (
        did("at_least", 1, 7, "Push Notification Tapped") | {"where": {"campaign": "7"}},
        "過去7日間に配信「7」の通知の開封がある",
        'has tapped a push of campaign "7" in the last 7 days',
    ),
    (
        did("at_least", 1, 7, "Survey Answered") | {"where": {"score": {"<=": 6}}},
        "過去7日間に点数が6以下のアンケートの回答がある",
        "has answered a survey with a score of at most 6 in the last 7 days",
    ),
    (
        did("exactly", 1, None, "Coupon Viewed") | {"then": {"event": ORDERED, "within_hours": 36}},
        "これまでのクーポンの閲覧から36時間以内の購入がちょうど1回",
        "has ordered (within 36 hours after having viewed a coupon) exactly once",
    ),
    (
        {"event": ORDERED, "sum": "amount", "op": ">=", "value": 5000, "days": 90},
        "過去90日間の購入の合計が5,000円以上",
        "the total of orders in the last 90 days is at least ¥5,000",
    ),
    (
        {"event": "Points Earned", "max": "amount", "op": "between", "value": [1, 50], "where": {"amount": {">=": 2}}},
        "これまでの2ポイント以上のポイントの獲得の1回あたりの最大が1ポイント以上50ポイント以下",
        "the largest of points earned (at least 2 points) is between 1 point and 50 points",
    ),
    (
        {"event": ORDERED, "when": "first", "op": "within_days", "value": 7},
        "最初の購入が過去7日以内",
        "has ordered for the first time in the last 7 days",
    ),
    (
        {"event": ORDERED, "when": "last", "op": "on_or_before", "value": "2026-01-05"},
        "最後の購入が2026年1月5日以前",
        "has ordered for the last time on or before 5 January 2026",
    ),
    (
        {"event": ORDERED, "in_periods": 3, "of_last": 6, "unit": "month"},
        "直近6か月のうち3か月以上で購入がある",
        "has ordered in at least 3 of the last 6 months",
    ),
    (
        {"event": ORDERED, "change": "stopped", "days": 30},
        "過去30日間に購入がない（その前の30日間にはあった）",
        "has not ordered in the last 30 days (but did in the 30 days before)",
    ),
    (
        {"event": ORDERED, "change": "came_back", "days": 1},
        "過去1日間に購入がある（その前の1日間にはなく、さらに前にはあった）",
        "has ordered today (not in the day before, but some time earlier)",
    ),
    (
        did("at_least", 1, 30, "Campaign Converted") | {"where": {"campaign": ["7", "8"]}},
        "過去30日間に配信「7」「8」のいずれかからの購入がある",
        'has converted from the campaign "7" or "8" in the last 30 days',
    ),
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


def test_what_has_a_name_is_told_by_it() -> None:
    names = Names(segments={12: "優良会員"}, lists={3: "社員"}, values={"store": {"S1": "渋谷店"}})
    visited = did("at_least", 1, None, "Store Visited") | {"where": {"store": ["S1", "S2"]}}
    rule = parse({"all": [{"segment": 12}, {"not": {"list": 3}}, visited]})
    assert describe(rule, "ja", names=names) == (
        "セグメント「優良会員」に属する かつ （リスト「社員」に載っている）に当てはまらない"
        " かつ これまでに店舗「渋谷店」「S2」のいずれかでの来店がある"
    )
    assert describe(rule, "en", names=names).endswith('has visited the store "渋谷店" or "S2" at least once')


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


ASKED: list[dict[str, Any]] = [
    {"op": "at_least", "times": 1},
    {"sum": "property:size", "op": ">=", "value": 2},
    {"when": "first", "op": "within_days", "value": 3},
    {"in_periods": 1, "of_last": 3, "unit": "week"},
    {"change": "stopped", "days": 4},
]
FILTERS: list[Any] = [["3"], {"not_in": ["3"]}, {">=": 3}, {"between": [3, 4]}]


def test_every_filter_of_every_event_has_words_whatever_is_asked() -> None:
    told = 0
    for event in CONDITIONS.events:
        for each in event.properties:
            for value, asked in product(FILTERS, ASKED):
                try:
                    rule = parse({"event": event.name, "where": {each.name: value}, **asked})
                except RuleError:  # a size of a text, or a word of a number, or nothing that could be summed
                    continue
                sentences = describe(rule, "ja"), describe(rule, "en")
                assert all("3" in sentence for sentence in sentences)
                told += 1
    assert told > len(ASKED) * len(CONDITIONS.events)
    coupon = {"event": "Coupon Redeemed", "where": {"coupon": ["A"]}, "sum": "property:size", "op": ">=", "value": 2}
    assert describe(parse(coupon), "en") == 'the total of "size" of Coupon redeemed of coupon "A" is at least 2'


def test_every_event_day_and_yes_or_no_has_a_phrase() -> None:
    assert set(words.DONE) == {*(event.name for event in VOCABULARY), *LEDGER_EVENTS}
    assert set(words.YES_NO) == {name for name, kind in KINDS.items() if kind is Kind.BOOLEAN}
    assert set(words.WHEN) == {name for name, kind in KINDS.items() if kind is Kind.DATE}
