"""The coupons of one person: what became of each, by the same rules as the counts of the customer frame."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from segments.events import EventName


class CouponState(StrEnum):
    """What became of a coupon in somebody's hands."""

    HELD = "held"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A coupon as the shop defined it; titles by language."""

    coupon_id: str
    title: Mapping[str, str]
    valid_until: date | None = None
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponFact:
    """One coupon event of the person."""

    coupon_id: str
    event: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalCoupon:
    """One coupon of one person: when each stage was first reached."""

    coupon_id: str
    title: Mapping[str, str]
    state: CouponState
    last_at: datetime
    issued_at: datetime | None = None
    viewed_at: datetime | None = None
    presented_at: datetime | None = None
    redeemed_at: datetime | None = None
    valid_until: date | None = None


def personal_coupons(
    facts: Iterable[CouponFact], definitions: Mapping[str, Definition], *, today: date
) -> tuple[PersonalCoupon, ...]:
    """The coupons that were issued to a person or used by him: held ones first, then the latest.

    Args:
        facts: his coupon events, in any order.
        definitions: by coupon id; a public coupon counts as issued when first viewed.
        today: the business day; validity includes its last day.
    """
    first: dict[str, dict[str, datetime]] = {}
    for fact in sorted(facts, key=lambda fact: fact.at):
        first.setdefault(fact.coupon_id, {}).setdefault(fact.event, fact.at)
    coupons = [_coupon(coupon_id, reached, definitions, today) for coupon_id, reached in first.items()]
    his = [coupon for coupon in coupons if coupon.state is CouponState.USED or coupon.issued_at is not None]
    his.sort(key=lambda coupon: coupon.last_at, reverse=True)
    return tuple(sorted(his, key=lambda coupon: coupon.state is not CouponState.HELD))


def _coupon(
    coupon_id: str, reached: Mapping[str, datetime], definitions: Mapping[str, Definition], today: date
) -> PersonalCoupon:
    definition = definitions.get(coupon_id, Definition(coupon_id=coupon_id, title={}))
    issued = [reached[event] for event in (_ISSUED, *([_VIEWED] if definition.public else [])) if event in reached]
    return PersonalCoupon(
        coupon_id=coupon_id,
        title=definition.title,
        valid_until=definition.valid_until,
        state=_state(reached, definition, today),
        last_at=max(reached.values()),
        issued_at=min(issued, default=None),
        viewed_at=reached.get(_VIEWED),
        presented_at=reached.get(str(EventName.COUPON_PRESENTED)),
        redeemed_at=reached.get(_REDEEMED),
    )


def _state(reached: Mapping[str, datetime], definition: Definition, today: date) -> CouponState:
    if _REDEEMED in reached:
        return CouponState.USED
    over = definition.valid_until is not None and definition.valid_until < today
    return CouponState.EXPIRED if over or EventName.COUPON_EXPIRED in reached else CouponState.HELD


_ISSUED = str(EventName.COUPON_ISSUED)
_VIEWED = str(EventName.COUPON_VIEWED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
