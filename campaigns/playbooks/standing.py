"""Playbooks for what a member has: a rank, a coupon, a birthday."""

from datetime import timedelta

from campaigns.campaign import Priority, Text
from campaigns.playbooks.beginnings import A_COUPON
from campaigns.playbooks.playbook import (
    ITS_SEGMENT,
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
from campaigns.trigger import OnDate, OnSegment, Reentry


def _rank_up(answers: Answers) -> Plan:
    missing = int(answers["missing"])
    return Plan(
        name=Words("ランクアップまであと少し", "Close to the next rank"),
        when=Words(
            "次のランクまで基準以内に近づいたとき。90日に1回まで。",
            "When what is missing to the next rank falls below the set mark; every 90 days at most.",
        ),
        segment=NewSegment(
            name=Words("ランクアップ間近の方", "Close to the next rank"),
            rule=every(has("to_next_rank", "between", [1, missing]), has("last_order", "within_days", 90)),
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        reentry=Reentry(mode="after", days=90),
        ja=Text(
            "次のランクまで、あと少しです",
            "あと少しのお買い物で、ランクが上がります。特典はアプリの会員証からご覧ください。",
        ),
        en=Text(
            "You are nearly there",
            "A little more and you reach the next rank. See what it brings on your card in the app.",
        ),
        conversion_days=30,
        hypothesis=Words(
            "あと少しと分かれば、上がる前に足を止めていた方の購入が早まる。",
            "Who knows how little is missing buys sooner.",
        ),
    )


RANK_UP = Playbook(
    slug="rank-up-near",
    title=Words("ランクアップ間近", "Rank-up near"),
    purpose=Words(
        "次のランクまであと少しの方に、もうすぐ上がることをお知らせします。値引きは要りません。",
        "Tells those who are nearly there that the next rank is close. No discount needed.",
    ),
    needs=(Need.RANKS, Need.NEXT_RANK),
    plan=_rank_up,
    asks=(
        Ask(
            name="missing",
            kind=Kind.NUMBER,
            words=Words(
                "次のランクまでの残り（ランクの条件の単位）", "what may be missing (in the unit of your rank rules)"
            ),
            usual=3000,
        ),
    ),
)


def _rank_down(answers: Answers) -> Plan:
    days = int(answers["days"])
    return Plan(
        name=Words("ランク維持のご案内", "Keep your rank"),
        when=Words(
            f"ランクの見直しまで{days}日を切り、60日以上購入のない方に。180日に1回まで。",
            f"Within {days} days of a rank review, to those without an order for 60 days; every 180 days at most.",
        ),
        segment=NewSegment(
            name=Words("ランクの見直しが近い方", "Rank review soon, no recent order"),
            rule=every(
                has("rank", "is_set"),
                has("rank_review", "next_days", days),
                has("last_order", "before_days", 60),
            ),
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        reentry=Reentry(mode="after", days=180),
        priority=Priority.HIGH,
        ja=Text(
            "会員ランクの見直しが近づいています",
            "いまのランクを続けるための条件は、アプリの会員証からご確認いただけます。",
        ),
        en=Text("Your rank is up for review", "See on your card in the app what keeps it where it is."),
        conversion_days=30,
        hypothesis=Words(
            "見直しの日を先にお知らせすれば、その前に一度来店する方が増え、ランクが下がってがっかりする方が減る。",
            "Told in time, more people come once before the review, and fewer are disappointed by losing a rank.",
        ),
    )


RANK_DOWN = Playbook(
    slug="rank-down-warning",
    title=Words("ランクダウンの予告", "Rank-down warning"),
    purpose=Words(
        "ランクの見直しが近く、しばらく購入のない方に、前もってお知らせします。",
        "Warns those whose rank is reviewed soon and who have not bought for a while.",
    ),
    needs=(Need.RANKS, Need.RANK_REVIEW, Need.ORDERS),
    plan=_rank_down,
    asks=(
        Ask(
            name="days",
            kind=Kind.DAYS,
            words=Words("見直しの何日前から", "days before the review"),
            usual=30,
            high=180,
        ),
    ),
)


def _coupon_expiring(answers: Answers) -> Plan:
    days = int(answers["days"])
    return Plan(
        name=Words("クーポンの期限のお知らせ", "Coupon about to expire"),
        when=Words(
            f"未使用のクーポンの期限の{days}日前、18時。クーポンごとに。",
            f"At 18:00, {days} days before an unused coupon expires.",
        ),
        segment=NewSegment(
            name=Words("未使用のクーポンをお持ちの方", "Holds an unused coupon"),
            rule=every(has("coupons_held", ">=", 1)),
        ),
        trigger=OnDate(date="coupon_expiry", days=-days, at="18:00"),
        reentry=Reentry(mode="always"),
        priority=Priority.HIGH,
        ja=Text(
            "クーポンの期限が近づいています",
            f"お持ちのクーポンは、あと{days}日でご利用いただけなくなります。お早めにどうぞ。",
        ),
        en=Text("Your coupon ends soon", f"Days left to use it: {days}. You find it under Coupons in the app."),
        conversion_event="Coupon Redeemed",
        conversion_days=min(90, days + 1),
        expires_after=timedelta(hours=20),
        hypothesis=Words(
            "期限を思い出していただければ、使われないまま切れるクーポンが減る。",
            "Who is reminded uses the coupon before it is gone.",
        ),
    )


COUPON_EXPIRING = Playbook(
    slug="coupon-expiring",
    title=Words("クーポンの期限間近", "Coupon expiring"),
    purpose=Words(
        "期限の近いクーポンをお持ちの方だけに、期限をお知らせします。使った方には届きません。",
        "Reminds those, and only those, whose coupon ends soon and is still unused.",
    ),
    needs=(Need.COUPONS, Need.COUPON_EXPIRY),
    plan=_coupon_expiring,
    asks=(
        Ask(
            name="days", kind=Kind.DAYS, words=Words("期限の何日前に送るか", "days before it expires"), usual=3, high=60
        ),
    ),
)


def _birthday(answers: Answers) -> Plan:
    days, coupon = int(answers["days"]), str(answers["coupon"])
    gift = (
        Words("お祝いのクーポンをお届けします。", "There is a coupon in the app for you. ") if coupon else Words("", "")
    )
    return Plan(
        name=Words("お誕生日のお祝い", "Birthday"),
        when=Words(
            f"誕生日の{days}日前の10時。お一人、年に1回。" if days else "誕生日の当日10時。お一人、年に1回。",
            f"At 10:00, {days} days before the birthday, once a year."
            if days
            else "At 10:00 on the birthday, once a year.",
        ),
        segment=NewSegment(
            name=Words("誕生日が近い会員", "Members with a birthday soon"),
            rule=every(has("birthday_in", "<=", max(days, 1) + 1), has("withdrawn", "is_not_set")),
        ),
        trigger=OnDate(date="birthday", days=-days, at="10:00"),
        reentry=Reentry(mode="after", days=300),
        ja=Text(
            "まもなくお誕生日ですね" if days else "お誕生日おめでとうございます",
            f"{gift.ja}すてきな一年になりますように。ご来店をお待ちしております。",
        ),
        en=Text(
            "Your birthday is coming" if days else "Happy birthday",
            f"{gift.en}We wish you a lovely year and hope to see you soon.",
        ),
        coupon_id=coupon,
        conversion_days=30,
        hypothesis=Words(
            "誕生日の前後は自分のための買い物をする方が多い。お祝いをきっかけに来店が増える。",
            "Around a birthday people buy for themselves; a greeting brings them to us.",
        ),
    )


BIRTHDAY = Playbook(
    slug="birthday",
    title=Words("誕生日", "Birthday"),
    purpose=Words(
        "誕生日が近い方にお祝いをお届けします。年は使いません。",
        "Greets members around their birthday; the year is not used.",
    ),
    needs=(Need.BIRTHDAYS,),
    plan=_birthday,
    asks=(
        Ask(
            name="days",
            kind=Kind.DAYS,
            words=Words("誕生日の何日前に送るか（0は当日）", "days before the birthday (0 for the day itself)"),
            usual=7,
            low=0,
            high=60,
        ),
        A_COUPON,
    ),
)
