"""Playbooks around a purchase: the second one, what goes with it, the better thing."""

from datetime import timedelta

from campaigns.campaign import Content, Text
from campaigns.playbooks.beginnings import A_COUPON
from campaigns.playbooks.playbook import (
    ITS_SEGMENT,
    Answers,
    Ask,
    Document,
    Kind,
    Need,
    NewSegment,
    Plan,
    Playbook,
    Words,
    every,
    has,
)
from campaigns.steps import Send, SplitRule, Wait
from campaigns.trigger import OnEvent, OnSegment, Reentry

_ORDER = "Order Completed"
_USUAL = Words("{{ よく買うカテゴリー | default('お買い物') }}", "{{ favorite_category | default('purchase') }}")


def _of(category: str, **how: object) -> Document:
    return {"event": _ORDER, **how, "where": {"category": category}}


def _second_purchase(answers: Answers) -> Plan:
    days, category, coupon = int(answers["days"]), str(answers["category"]), str(answers["coupon"])
    conditions = [
        has("orders", "=", 1),
        has("last_order", "before_days", days),
        has("last_order", "within_days", days + 14),
    ]
    if category:
        conditions.append(_of(category, op="at_least", times=1))
    about = Words(f"（{category}）", f", {category}") if category else Words("", "")
    gift = (
        Words("次のお買い物に使えるクーポンをご用意しました。", "There is a coupon for your next one. ")
        if coupon
        else Words("", "")
    )
    return Plan(
        name=Words(f"2回目のご来店{about.ja}", f"Second purchase{about.en}"),
        when=Words(
            f"最初の購入から{days}日がたち、まだ2回目のない方に、お一人1回。",
            f"{days} days after the first order, once a person, to those who have not placed a second.",
        ),
        segment=NewSegment(
            name=Words(f"一度購入して{days}日{about.ja}", f"Bought once, {days} days ago{about.en}"),
            rule=every(*conditions),
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        ja=Text(
            "そろそろ、いかがですか",
            f"先日の{category or _USUAL.ja}はいかがでしたか。{gift.ja}またのご来店をお待ちしております。",
        ),
        en=Text(
            "Time for another?",
            f"How was your {category or _USUAL.en}? {gift.en}We look forward to seeing you again.",
        ),
        coupon_id=coupon,
        conversion_days=14,
        hypothesis=Words(
            f"使い切る頃（{days}日後）にお声がけすれば、14日以内に2回目の購入をする方が増える。",
            f"Asked when the first purchase is used up ({days} days on), more people buy again within 14 days.",
        ),
    )


SECOND_PURCHASE = Playbook(
    slug="second-purchase",
    title=Words("2回目の購入（F2転換）", "Second purchase (F2)"),
    purpose=Words(
        "一度だけ購入した方に、商品が使い切られる頃にお声がけします。間隔はお店の購入データからご提案します。",
        "Asks those who bought once to come again when what they bought is used up; the interval comes from your own sales.",
    ),
    needs=(Need.ORDERS,),
    plan=_second_purchase,
    asks=(
        Ask(
            name="days",
            kind=Kind.DAYS,
            words=Words("最初の購入から何日後に送るか", "days after the first order"),
            usual=30,
            low=2,
            high=365,
        ),
        Ask(
            name="category",
            kind=Kind.CATEGORY,
            words=Words("カテゴリー（空ならすべて）", "a category (empty for all)"),
            usual="",
        ),
        A_COUPON,
    ),
)


def _together(bought: str, goes_with: str) -> Content:
    return Content(
        ja=Text(
            f"{bought}と相性のよい{goes_with}",
            f"{bought}をお求めの方の多くが、{goes_with}も一緒に選んでいます。次のご来店で、ぜひお試しください。",
        ),
        en=Text(
            f"{goes_with} to go with your {bought}",
            f"Many who buy {bought} take {goes_with} along. Try it next time you come by.",
        ),
    )


def _cross_sell(answers: Answers) -> Plan:
    bought, goes_with, days = str(answers["category"]), str(answers["goes_with"]), int(answers["days"])
    never = _of(goes_with, op="at_most", times=0)  # asked at the order, and again before it is sent
    return Plan(
        name=Words(f"{bought}に{goes_with}を添えて", f"{goes_with} with {bought}"),
        when=Words(
            f"{bought}の購入から{days}日後。{goes_with}を買ったことのない方に、90日に1回まで。",
            f"{days} days after an order with {bought}, to those who never bought {goes_with}; every 90 days at most.",
        ),
        segment=NewSegment(
            name=Words(f"{goes_with}をまだ買っていない方", f"Never bought {goes_with}"),
            rule=every(never),
        ),
        trigger=OnEvent(event=_ORDER, where={"category": bought}),
        reentry=Reentry(mode="after", days=90),
        steps=(Wait(time=timedelta(days=days)), SplitRule(rule=never), Send(content=_together(bought, goes_with))),
        conversion_days=14,
        hypothesis=Words(
            f"{bought}と{goes_with}は一緒に買われることが多い。組み合わせをお伝えすれば、次の購入が早まる。",
            f"{bought} and {goes_with} are often bought together; who is told of it comes back sooner.",
        ),
    )


CROSS_SELL = Playbook(
    slug="cross-sell",
    title=Words("購入後のクロスセル", "Cross-sell after a purchase"),
    purpose=Words(
        "購入した商品と一緒に買われることの多いカテゴリーをご紹介します。組み合わせは併買分析からご提案します。",
        "Suggests what is often bought together with a purchase; the pair comes from your product affinity.",
    ),
    needs=(Need.ORDERS, Need.CATEGORIES),
    plan=_cross_sell,
    asks=(
        Ask(name="category", kind=Kind.CATEGORY, words=Words("購入されたカテゴリー", "the category that was bought")),
        Ask(name="goes_with", kind=Kind.CATEGORY, words=Words("おすすめするカテゴリー", "the category to suggest")),
        Ask(
            name="days",
            kind=Kind.DAYS,
            words=Words("購入から何日後に送るか", "days after the order"),
            usual=3,
            high=60,
        ),
    ),
)


def _up_sell(answers: Answers) -> Plan:
    category, amount = str(answers["category"]), int(answers["amount"])
    orders = {"event": _ORDER, "where": {"category": category}}
    return Plan(
        name=Words(f"{category}のワンランク上をご提案", f"The better {category}"),
        when=Words(
            f"90日以内に{category}を3回以上購入し、1回の購入額がまだ基準に届かない方が条件に入ったとき。180日に1回まで。",
            f"When somebody has bought {category} three times in 90 days, never above the set amount; every 180 days at most.",
        ),
        segment=NewSegment(
            name=Words(f"{category}の常連（ワンランク上はまだ）", f"Regulars of {category}, not the better one yet"),
            rule=every(
                {**orders, "op": "at_least", "times": 3, "days": 90},
                {**orders, "max": "amount", "op": "<=", "value": amount, "days": 365},
            ),
        ),
        trigger=OnSegment(segment_id=ITS_SEGMENT),
        reentry=Reentry(mode="after", days=180),
        ja=Text(
            f"いつもの{category}を、少しだけ特別に",
            f"いつもありがとうございます。{category}の上位の品も、店頭でお試しいただけます。スタッフにお声がけください。",
        ),
        en=Text(
            f"Your {category}, a little better",
            f"Thank you for coming so often. You can try our finer {category} in the shop: just ask us.",
        ),
        conversion_days=30,
        hypothesis=Words(
            f"{category}を買い慣れた方は、上位の品を知れば1回の購入額が上がる。",
            f"Who knows {category} well spends more on it once the finer one is known.",
        ),
    )


UP_SELL = Playbook(
    slug="up-sell",
    title=Words("アップセル", "Up-sell"),
    purpose=Words(
        "同じカテゴリーを繰り返し購入している方に、上位の品をご案内します。売上は人数あたりの金額で比べます。",
        "Shows regulars of a category the finer choice; judge it by money per person, which the report compares.",
    ),
    needs=(Need.ORDERS, Need.CATEGORIES),
    plan=_up_sell,
    asks=(
        Ask(name="category", kind=Kind.CATEGORY, words=Words("カテゴリー", "the category")),
        Ask(
            name="amount",
            kind=Kind.MONEY,
            words=Words(
                "これまでの1回の購入額の上限（最小単位）", "the most they spent on one order so far (minor units)"
            ),
            usual=5000,
        ),
    ),
)
