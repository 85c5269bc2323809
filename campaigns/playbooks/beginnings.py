"""Playbooks for people who have just come: the first days of membership, the first coupon."""

from datetime import timedelta

from campaigns.campaign import Content, Text
from campaigns.playbooks.playbook import (
    Answers,
    Ask,
    Kind,
    Need,
    NewSegment,
    Plan,
    Playbook,
    Words,
    every,
    has,
)
from campaigns.steps import Awaited, Send, Step, Wait, WaitUntil
from campaigns.trigger import OnEvent

A_COUPON = Ask(
    name="coupon",
    kind=Kind.COUPON,
    words=Words("添えるクーポンのID（なくてもよい）", "the id of a coupon to go with it (may be left empty)"),
    usual="",
)
"""What many playbooks ask."""
_NOON = "12:00"


def _onboarding(answers: Answers) -> Plan:
    coupon = str(answers["coupon"]) or None
    return Plan(
        name=Words("入会後のご案内（0・1・3・7日目）", "Welcome, days 0, 1, 3 and 7"),
        when=Words(
            "入会した直後、1日目・3日目・7日目の正午。最初の購入があれば、そこで終わります。",
            "Right after joining, and at noon of days 1, 3 and 7; it ends with the first order.",
        ),
        trigger=OnEvent(event="Membership Joined"),
        steps=_onboarding_steps(coupon),
        exits_on=Awaited(event="Order Completed"),
        conversion_days=14,
        hypothesis=Words(
            "入会から1週間のうちにアプリの使い方と特典が伝われば、14日以内に最初の購入をする方が増える。",
            "Who learns in the first week what the app is good for will more often place a first order within 14 days.",
        ),
    )


def _onboarding_steps(coupon: str | None) -> tuple[Step, ...]:
    gift = coupon is not None
    return (
        Send(
            content=Content(
                ja=Text(
                    "ご入会ありがとうございます",
                    "会員証はアプリの最初の画面にあります。お会計のときにお見せください。",
                ),
                en=Text("Welcome", "Your member card is on the first screen of the app. Show it when you pay."),
            )
        ),
        Wait(time=timedelta(hours=12)),
        WaitUntil(at=_NOON),
        Send(
            content=Content(
                ja=Text(
                    "はじめての方へ、クーポンをご用意しました",
                    "アプリのクーポン画面からお使いいただけます。期限にご注意ください。",
                )
                if gift
                else Text(
                    "お店のお知らせが届くようになりました", "新商品と入荷のご案内を、アプリからいち早くお届けします。"
                ),
                en=Text("A coupon for your first visit", "You find it under Coupons in the app. Mind the date on it.")
                if gift
                else Text("News from the shop", "You will hear first of what is new and what is back in stock."),
                coupon_id=coupon,
            )
        ),
        WaitUntil(at=_NOON, days=1),
        Send(
            content=Content(
                ja=Text(
                    "よく行くお店を登録しませんか", "お気に入りの店舗を選ぶと、そのお店の催しと入荷をお知らせします。"
                ),
                en=Text("Which shop is yours?", "Choose it in the app, and you will hear of its events and arrivals."),
            )
        ),
        WaitUntil(at=_NOON, days=3),
        Send(
            content=Content(
                ja=Text(
                    "お買い物はお済みですか", "ご来店の前に、アプリで今週のおすすめをご覧ください。お待ちしております。"
                ),
                en=Text(
                    "Have you been in yet?", "See this week's picks in the app before you come. We look forward to you."
                ),
                coupon_id=coupon,
            )
        ),
    )


ONBOARDING = Playbook(
    slug="onboarding",
    title=Words("入会後のご案内", "Onboarding, days 0, 1, 3 and 7"),
    purpose=Words(
        "入会したばかりの方に、会員証・クーポン・お気に入り店舗を順にご案内し、最初の購入につなげます。",
        "Shows new members their card, a coupon and their shop, one thing a day, and leads to the first order.",
    ),
    needs=(Need.JOINS, Need.ORDERS),
    plan=_onboarding,
    asks=(A_COUPON,),
)


_FIRST_COUPON_WORDS = Content(
    ja=Text(
        "クーポンをお持ちです",
        "まだお使いでないクーポンが{{ クーポン枚数 | default('1') }}枚あります。お会計の前に、アプリのクーポン画面を開いてください。",
    ),
    en=Text(
        "You have a coupon waiting",
        "Coupons still unused: {{ coupons_held | default('1') }}. Open Coupons in the app before you pay.",
    ),
)


def _first_coupon(answers: Answers) -> Plan:
    days = int(answers["days"])
    return Plan(
        name=Words("はじめてのクーポンのご案内", "First coupon, still unused"),
        when=Words(
            f"クーポンの発行から{days}日後。一度もクーポンを使ったことのない方に、お一人1回。その間に使った方には送りません。",
            f"{days} days after a coupon was issued, once a person, to those who have never used one and did not meanwhile.",
        ),
        segment=NewSegment(
            name=Words("クーポンを使ったことのない方", "Has never used a coupon"),
            rule=every(has("coupons_used", "=", 0)),
        ),
        trigger=OnEvent(event="Coupon Issued"),
        steps=(Wait(time=timedelta(days=days)), Send(content=_FIRST_COUPON_WORDS)),
        exits_on=Awaited(event="Coupon Redeemed"),
        conversion_event="Coupon Redeemed",
        conversion_days=14,
        hypothesis=Words(
            "使い方を一度お知らせすれば、最初の1枚を使う方が増え、2枚目からは自分で使うようになる。",
            "Told once how it works, more people use their first coupon, and the next ones by themselves.",
        ),
    )


FIRST_COUPON = Playbook(
    slug="first-coupon",
    title=Words("はじめてのクーポンが未使用", "First coupon unused"),
    purpose=Words(
        "クーポンを受け取ったまま使っていない方に、使い方をお知らせします。",
        "Tells those who got a coupon and never used one how to use it.",
    ),
    needs=(Need.COUPONS,),
    plan=_first_coupon,
    asks=(
        Ask(
            name="days",
            kind=Kind.DAYS,
            words=Words("発行から何日後に送るか", "days after the coupon was issued"),
            usual=3,
            high=60,
        ),
    ),
)
