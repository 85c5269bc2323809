"""Segments that nearly every shop wants, as rules to begin with: who they are and when to use them.

Thresholds are usual ones of retail with a visit every few weeks; the builder opens with them and the shop changes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """A segment to begin with.

    Attributes:
        name: as its address names it.
        when_ja: one line of when to use it.
        rule: its JSON, given what it asks for; an empty text for those that ask nothing.
        asks: what has to be said first: "store", or nothing.
    """

    name: str
    ja: str
    en: str
    when_ja: str
    when_en: str
    rule: Callable[[str], Document]
    asks: str = ""


def _has(attribute: str, op: str, value: Any) -> Document:
    return {"attribute": attribute, "op": op, "value": value}


def _all(*parts: Document) -> Callable[[str], Document]:
    return lambda _: {"all": list(parts)}


def _regulars(store: str) -> Document:
    visited = {"event": "Order Completed", "where": {"store": [store]}, "op": "at_least", "times": 3, "days": 180}
    return {"all": [visited]}


STARTING_POINTS: tuple[StartingPoint, ...] = (
    StartingPoint(
        name="new_members",
        ja="新規会員",
        en="New members",
        when_ja="入会のお礼と、最初の来店や購入のご案内に。",
        when_en="To welcome them and lead to the first visit or purchase.",
        rule=_all(_has("joined", "within_days", 30)),
    ),
    StartingPoint(
        name="bought_once",
        ja="一度だけ購入",
        en="Bought once",
        when_ja="2回目の購入（F2転換）を促すときに。",
        when_en="To win the second purchase, the step most customers never take.",
        rule=_all(_has("orders", "=", 1), _has("last_order", "within_days", 90)),
    ),
    StartingPoint(
        name="lapsing",
        ja="離反予備軍",
        en="Lapsing",
        when_ja="足が遠のきはじめた方を、離れる前に引き止めるときに。",
        when_en="To hold those who begin to stay away, before they are gone.",
        rule=_all(
            _has("orders", ">=", 2), _has("last_order", "before_days", 45), _has("last_order", "within_days", 90)
        ),
    ),
    StartingPoint(
        name="lapsed",
        ja="休眠顧客",
        en="Lapsed",
        when_ja="久しぶりの方に、戻るきっかけをお送りするときに。",
        when_en="To give those who were long away a reason to return.",
        rule=_all(_has("orders", ">=", 1), _has("last_order", "before_days", 90)),
    ),
    StartingPoint(
        name="best_customers",
        ja="優良顧客",
        en="Best customers",
        when_ja="先行案内や、感謝をお伝えする特典に。割引は要りません。",
        when_en="For first looks and thanks; they need no discount.",
        rule=_all(_has("orders", ">=", 6), _has("last_order", "within_days", 60)),
    ),
    StartingPoint(
        name="coupon_lovers",
        ja="クーポン好き",
        en="Coupon lovers",
        when_ja="クーポン配信の対象に。逆に除けば、値引きなしで買う方が残ります。",
        when_en="For coupon sends; leave them out, and those who buy without a discount remain.",
        rule=_all(
            _has("coupons_used", ">=", 3), {"event": "Coupon Redeemed", "op": "at_least", "times": 1, "days": 90}
        ),
    ),
    StartingPoint(
        name="rank_up_near",
        ja="ランクアップ間近",
        en="Close to the next rank",
        when_ja="あと少しで上がる方に、残りの額や回数をお知らせするときに。",
        when_en="To tell those who are nearly there how little is missing.",
        rule=_all(_has("to_next_rank", "between", [1, 3000]), _has("last_order", "within_days", 60)),
    ),
    StartingPoint(
        name="birthday",
        ja="誕生日が近い方",
        en="Birthday within a month",
        when_ja="お祝いのクーポンを、誕生日の前にお届けするときに。",
        when_en="To send a birthday coupon in time.",
        rule=_all(_has("birthday_in", "<=", 30)),
    ),
    StartingPoint(
        name="store_regulars",
        ja="一店舗の常連",
        en="One store's regulars",
        when_ja="店舗の催しや改装を、よく来る方だけに知らせるときに。",
        when_en="To tell of an event at one store to those who go there.",
        rule=_regulars,
        asks="store",
    ),
)
"""In the order of a customer's life."""

BY_NAME = {point.name: point for point in STARTING_POINTS}
