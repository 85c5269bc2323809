"""The campaigns that the demo shop has made by the day one looks at it: whom they are for, what they say, what became of them.

They go through the same services as anybody's (`backend.demo.season`); only how people answered is simulated, by `Response`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from campaigns.campaign import Content, Draft, Text, Variant
from campaigns.steps import Exit, Send, SplitRule, Step, Wait

PLANNER = "planner@demo.example"
"""Who writes the campaigns, so that the owner is the second person."""

SECOND, NEWS = "2回目のお買い物のおすすめ", "和栗のモンブランのお知らせ"
BACK, FAIR, RAIN = "しばらくぶりの方への3通", "冬の焼き菓子フェア", "雨の日のコーヒー"

ONE_ORDER, ACTIVE = "2回目がまだの会員（通知が届く）", "60日以内にアプリを開いた会員（通知が届く）"
QUIET, BUYERS, DRIFTING = (
    "60〜120日アプリを開いていない会員（通知が届く）",
    "一度でも購入した会員",
    "2回以上購入し、30日来ていない会員",
)

MADE_SEGMENTS: Mapping[str, dict[str, object]] = {
    QUIET: {
        "all": [
            {"attribute": "last_launch", "op": "before_days", "value": 60},
            {"attribute": "last_launch", "op": "within_days", "value": 120},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
    ACTIVE: {
        "all": [
            {"attribute": "last_launch", "op": "within_days", "value": 60},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
    BUYERS: {"attribute": "orders", "op": ">=", "value": 1},
    DRIFTING: {
        "all": [
            {"attribute": "orders", "op": ">=", "value": 2},
            {"attribute": "last_order", "op": "before_days", "value": 30},
            {"attribute": "reachable", "op": "is_true"},
        ]
    },
}
"""Segments that the campaigns ask for, beside those that every demo begins with."""


@dataclass(frozen=True, slots=True)
class Response:
    """How people answer a push, as shares of those who got it.

    Attributes:
        taps: open it.
        buys: place an order that they would not have placed; what they would have placed anyway is there already.
    """

    taps: float
    buys: float


RESPONSES: Mapping[str, Response] = {
    SECOND: Response(taps=0.16, buys=0.06),
    NEWS: Response(taps=0.24, buys=0.0),
    BACK: Response(taps=0.09, buys=0.015),
    RAIN: Response(taps=0.12, buys=0.0),
}
"""Whoever opens the app anyway looks at what is new and comes as often as always: a push that is read and changes nothing."""


def _said(title: str, body: str, english: tuple[str, str], *, link: str = "joren://menu") -> Content:
    return Content(ja=Text(title, body), en=Text(*english), link=link)


def second(segment_id: int) -> Draft:
    """Two wordings to who has bought once; it helps."""
    usual = _said(
        "先日はありがとうございました",
        "{{ よく買うカテゴリー | default('焼き菓子') }}の新作が並びました。またのご来店をお待ちしております。",
        ("Thank you for your first visit", "There are new things on the shelf. We would love to see you again."),
    )
    coffee = _said(
        "焼きたてとコーヒーはいかがですか",
        "午後3時に焼き上がります。アプリのご提示でコーヒーが100円引きです。",
        ("Fresh from the oven, with coffee", "We bake at three. Show the app and the coffee is ¥100 off."),
        link="joren://coupons",
    )
    return Draft(
        name=SECOND,
        segment_id=segment_id,
        variants=(Variant(name="A", share=50, content=usual), Variant(name="B", share=50, content=coffee)),
        holdout_percent=30,
        conversion_days=14,
        goal_target=8,
        hypothesis="初めてのお買い物から1か月で足が遠のく。商品を思い出してもらえれば、2回目のお買い物が増える。",
        tags=("F2",),
    )


def news(segment_id: int) -> Draft:
    """News to those who open the app anyway; it changes nothing."""
    return Draft(
        name=NEWS,
        segment_id=segment_id,
        content=_said(
            "和栗のモンブランが始まりました",
            "今年の新栗です。今月いっぱい、全店でお待ちしております。",
            ("The chestnut Mont Blanc is here", "This year's chestnuts, in all our stores until the end of the month."),
        ),
        holdout_percent=40,
        hypothesis="新作を知らせれば、アプリをよく開く方の来店が1回増える。",
        tags=("新作",),
    )


def back(segment_id: int) -> Draft:
    """A journey of three pushes to who has not opened the app for two months."""
    hello = _said(
        "お久しぶりです",
        "秋の新作がそろいました。お近くの店舗でお待ちしております。",
        ("It has been a while", "Autumn is on the shelf. Come and see it in a store near you."),
    )
    thanks = _said(
        "おかえりなさい",
        "アプリのご提示で、コーヒーが100円引きになります。",
        ("Welcome back", "Show the app and the coffee is ¥100 off."),
        link="joren://coupons",
    )
    last = _said(
        "ご好評の品が入れ替わります",
        "いまの焼き菓子は今月末までです。最後にいかがですか。",
        ("The season is changing", "These sweets leave at the end of the month. One last time?"),
    )
    came = {"attribute": "last_launch", "op": "within_days", "value": 14}
    steps: tuple[Step, ...] = (
        Send(content=hello),
        Wait(time=timedelta(days=10)),
        SplitRule(rule=came, otherwise="silent"),
        Send(content=thanks),
        Wait(time=timedelta(days=21)),
        Exit(),
        Send(label="silent", content=last),
        Wait(time=timedelta(days=21)),
    )
    return Draft(
        name=BACK,
        segment_id=segment_id,
        steps=steps,
        holdout_percent=10,
        conversion_days=30,
        hypothesis="開かなくなって2か月なら、新作の知らせでまだ戻ってきてもらえる。",
        tags=("休眠",),
    )


def fair(segment_id: int) -> Draft:
    """News for everybody who ever bought: so many that a second person has to agree."""
    return Draft(
        name=FAIR,
        segment_id=segment_id,
        content=_said(
            "冬の焼き菓子フェア",
            "バターたっぷりの冬限定が、全店で始まります。",
            ("The winter sweets fair", "Rich with butter, in all our stores, for the winter only."),
        ),
        hypothesis="冬の新作を全員に知らせ、開始3日間の来店を増やす。",
        tags=("季節",),
    )


def rain(segment_id: int) -> Draft:
    """A push that broke off when FCM stopped answering; it waits for somebody to look."""
    return Draft(
        name=RAIN,
        segment_id=segment_id,
        content=_said(
            "雨の日は、あたたかい一杯を",
            "今夜から明日は雨の予報です。コーヒーとご一緒にひと休みしませんか。",
            ("Something warm for a rainy day", "Rain tonight and tomorrow. Come in for a coffee."),
        ),
        expires_after=timedelta(days=3),
        hypothesis="雨の日の来店の落ち込みを、前日の知らせで抑える。",
        tags=("天気",),
    )
