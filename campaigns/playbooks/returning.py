"""Playbooks to bring people back, to a shop and to its events, and to hear what they thought."""

from datetime import timedelta

from campaigns.campaign import Text
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
from campaigns.trigger import Once, OnEvent, OnSegment, Reentry

VISITED, BOUGHT = "Store Visited", "Order Completed"


def _lapsing(answers: Answers) -> Plan:
    return Plan(
        name=Words("足が遠のきはじめた方へ", "Lapsing customers"),
        when=Words(
            "購入の間隔がいつもより空いた（離反予備軍になった）とき。90日に1回まで。",
            "When somebody stays away longer than usual (becomes at risk); every 90 days at most.",
        ),
        segment=NewSegment(
            name=Words("離反予備軍（2回以上購入）", "At risk, bought twice or more"),
            rule=every(has("life_cycle", "is", "at_risk"), has("orders", ">=", 2)),
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        reentry=Reentry(mode="after", days=90),
        ja=Text(
            "新しいものが届いています",
            "{{ よく買うカテゴリー | default('お気に入り') }}に、前回のご来店から新しい品が加わりました。お近くの際にお立ち寄りください。",
        ),
        en=Text(
            "There is something new",
            "New among {{ favorite_category | default('your favourites') }} since your last visit. Drop in when you are near.",
        ),
        coupon_id=str(answers["coupon"]),
        conversion_days=14,
        hypothesis=Words(
            "離れる前の一声は、値引きがなくても来店につながる。",
            "A word before they are gone brings people back, even without a discount.",
        ),
    )


LAPSING = Playbook(
    slug="lapsing",
    title=Words("離反予備軍の引き止め", "Lapsing"),
    purpose=Words(
        "いつもの間隔を過ぎても来ていない方に、離れる前にお声がけします。日数はお店のライフサイクルの基準に従います。",
        "Speaks to those who stay away longer than usual, before they are gone; the days are those of your life-cycle thresholds.",
    ),
    needs=(Need.ORDERS,),
    plan=_lapsing,
    asks=(A_COUPON,),
)


def _win_back(answers: Answers) -> Plan:
    coupon = str(answers["coupon"])
    gift = (
        Words("お久しぶりの方へのクーポンをお届けします。", "There is a coupon for you in the app. ")
        if coupon
        else Words("", "")
    )
    return Plan(
        name=Words("お久しぶりの方へ", "Win back lapsed customers"),
        when=Words(
            "休眠に入ったとき。180日に1回まで。",
            "When somebody becomes dormant; every 180 days at most.",
        ),
        segment=NewSegment(
            name=Words("休眠に入った方", "Dormant customers"), rule=every(has("life_cycle", "is", "dormant"))
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        reentry=Reentry(mode="after", days=180),
        ja=Text("お元気ですか", f"しばらくお会いできていません。{gift.ja}またのご来店を、心よりお待ちしております。"),
        en=Text("It has been a while", f"We have missed you. {gift.en}Come and see what has changed."),
        coupon_id=coupon,
        conversion_days=30,
        hypothesis=Words(
            "半年離れる前にきっかけがあれば、戻る方が増える。効かなければ、クーポンを変えてもう一度比べる。",
            "Given a reason, more dormant customers return; if not, change the coupon and compare again.",
        ),
    )


WIN_BACK = Playbook(
    slug="win-back",
    title=Words("休眠顧客の掘り起こし", "Lapsed, win back"),
    purpose=Words(
        "休眠に入った方に、戻るきっかけをお送りします。何もしなくても戻る方がいるため、配信しない群との差で判断します。",
        "Gives dormant customers a reason to return. Some return anyway, so judge it by the difference to the control group.",
    ),
    needs=(Need.ORDERS,),
    plan=_win_back,
    asks=(A_COUPON,),
)


def _store_event(answers: Answers) -> Plan:
    store, what = str(answers["store"]), str(answers["what"])
    there = {"where": {"store": store}, "op": "at_least", "times": 1, "days": 365}
    return Plan(
        name=Words(f"{what}のお知らせ", f"News: {what}"),
        when=Words("日時を決めて、一度だけ。", "Once, at the moment you choose."),
        segment=NewSegment(
            name=Words(f"店舗 {store} を利用した方", f"Has been to store {store}"),
            rule={"any": [{"event": BOUGHT, **there}, {"event": VISITED, **there}]},
        ),
        trigger=Once(),
        holdout_percent=5.0,
        ja=Text(f"{what}のお知らせ", "くわしくはアプリのお知らせをご覧ください。皆さまのお越しをお待ちしております。"),
        en=Text(what, "Everything about it is in the app. We would love to see you there."),
        conversion_event=str(answers["goal"]),
        conversion_days=14,
        expires_after=timedelta(hours=12),
        hypothesis=Words(
            "その店舗を使う方だけにお知らせすれば、来店が増え、関係のない方を煩わせない。",
            "Told only to those who go there, it brings more visits and bothers nobody else.",
        ),
    )


STORE_EVENT = Playbook(
    slug="store-event",
    title=Words("新店・店舗の催し", "New store or store event"),
    purpose=Words(
        "新しいお店や催しを、近い店舗を利用した方にだけ一斉にお知らせします。",
        "Tells those who go to a store of its opening, its event or its neighbour.",
    ),
    needs=(Need.ORDERS,),
    plan=_store_event,
    asks=(
        Ask(
            name="store",
            kind=Kind.STORE,
            words=Words("店舗（新店なら近くの店舗）", "the store, or the one nearest to a new store"),
        ),
        Ask(
            name="what", kind=Kind.TEXT, words=Words("お知らせの題（例：秋の催し）", "what it is, such as Autumn fair")
        ),
        Ask(
            name="goal",
            kind=Kind.TEXT,
            words=Words(
                f"成果とする出来事（{VISITED} か {BOUGHT}）", f"what counts as success ({VISITED} or {BOUGHT})"
            ),
            usual=VISITED,
            choices=(VISITED, BOUGHT),
        ),
    ),
)


def _feedback(answers: Answers) -> Plan:
    hours = int(answers["hours"])
    by_orders = answers["begins_with"] == BOUGHT
    return Plan(
        name=Words("ご来店のご感想", "How was your visit?"),
        when=Words(
            f"{'購入' if by_orders else '来店'}の{hours}時間後。90日に1回まで。",
            f"{hours} hours after {'an order' if by_orders else 'a visit'}; every 90 days at most.",
        ),
        segment=NewSegment(
            name=Words("90日以内に回答していない方", "Has not answered in 90 days"),
            rule=every(
                {"event": "Survey Answered", "op": "at_most", "times": 0, "days": 90},
                {"event": "Feedback Submitted", "op": "at_most", "times": 0, "days": 90},
            ),
        ),
        trigger=OnEvent(event=str(answers["begins_with"]), delay=timedelta(hours=hours)),
        reentry=Reentry(mode="after", days=90),
        ja=Text(
            "本日はありがとうございました", "お店はいかがでしたか。1分ほどのアンケートで、ご感想をお聞かせください。"
        ),
        en=Text("Thank you for coming", "How was it? A minute of your time tells us what to do better."),
        conversion_event="Survey Answered",
        conversion_days=3,
        holdout_percent=5.0,
        hypothesis=Words(
            "記憶の新しいうちにお願いすれば、回答が増え、直すところが早く見つかる。",
            "Asked while the visit is fresh, more people answer and we learn sooner what to mend.",
        ),
    )


FEEDBACK = Playbook(
    slug="feedback",
    title=Words("来店後のアンケート", "Feedback after a visit"),
    purpose=Words(
        "来店または購入の少し後に、ご感想をお願いします。同じ方には90日に1回までです。",
        "Asks for an opinion shortly after a visit or an order, every 90 days at most.",
    ),
    needs=(Need.VISITS,),
    plan=_feedback,
    asks=(
        Ask(
            name="hours",
            kind=Kind.NUMBER,
            words=Words("何時間後に送るか", "hours after it"),
            usual=2,
            high=72,
        ),
        Ask(
            name="begins_with",
            kind=Kind.TEXT,
            words=Words(
                f"きっかけの出来事（{VISITED} か {BOUGHT}）", f"the event it begins with ({VISITED} or {BOUGHT})"
            ),
            usual=VISITED,
            choices=(VISITED, BOUGHT),
        ),
    ),
)
