"""The scalar columns of the customer frame in parts: which columns a reduction gives and which events it reads."""

from collections.abc import Callable
from dataclasses import dataclass

from segments.events import EventName
from segments.reduce import activity, coupons, membership, orders
from segments.reduce.days import ORDER_LINE, Frame

WHO = ("customer_id", "as_of")
"""What a row is about: a customer as of a day."""

_LAUNCH, _VISIT = str(EventName.APPLICATION_OPENED), str(EventName.STORE_VISITED)
_STAYS = (str(EventName.MEMBERSHIP_JOINED), str(EventName.MEMBERSHIP_WITHDRAWN))
_POINTS = (str(EventName.POINTS_EARNED), str(EventName.POINTS_SPENT), str(EventName.POINTS_EXPIRED))
_COUPONS = (
    str(EventName.COUPON_ISSUED),
    str(EventName.COUPON_VIEWED),
    str(EventName.COUPON_REDEEMED),
    str(EventName.COUPON_EXPIRED),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One reduction: facts and coupon definitions to columns per row of `WHO`.

    Attributes:
        events: the only events it reads; None for all.
    """

    columns: tuple[str, ...]
    events: tuple[str, ...] | None
    make: Callable[[Frame, Frame | None], Frame]


PARTS: tuple[Part, ...] = (
    Part(("first_seen", "last_seen"), None, lambda facts, _: activity.summarise_presence(facts, who=WHO)),
    Part(("launches", "last_launch"), (_LAUNCH,), lambda facts, _: activity.summarise_launches(facts, who=WHO)),
    Part(("visits", "last_visit"), (_VISIT,), lambda facts, _: activity.summarise_visits(facts, who=WHO)),
    Part(("joined", "withdrawn"), _STAYS, lambda facts, _: membership.summarise_membership(facts, who=WHO)),
    Part(
        ("rank", "rank_since"),
        (str(EventName.MEMBERSHIP_RANK_CHANGED),),
        lambda facts, _: membership.summarise_rank(facts, who=WHO),
    ),
    Part(("points",), _POINTS, lambda facts, _: membership.summarise_points(facts, who=WHO)),
    Part(
        ("orders", "purchase_days", "spend", "first_order", "second_order", "last_order"),
        orders.ORDER_EVENTS,
        lambda facts, _: orders.summarise_orders(facts, who=WHO),
    ),
    Part(
        ("favorite_category",),
        (*orders.ORDER_EVENTS, ORDER_LINE),
        lambda facts, _: orders.favorite_categories(facts, who=WHO),
    ),
    Part(
        ("last_store",),
        (_VISIT, str(EventName.ORDER_COMPLETED)),
        lambda facts, _: activity.last_stores(facts, who=WHO),
    ),
    Part(
        ("coupons_held", "coupons_used", "next_coupon_expiry"),
        _COUPONS,
        lambda facts, definitions: coupons.summarise_coupons(facts, definitions=definitions, who=WHO),
    ),
)
"""Every scalar column that history decides, once."""
