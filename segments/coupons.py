"""The coupons of one person: what became of each, by the same rules as the ledger and the counts of the customer frame."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from segments.calendar import BusinessCalendar
from segments.events import EventName

_DEFAULT = BusinessCalendar()


class CouponState(StrEnum):
    """What became of a coupon in somebody's hands."""

    HELD = "held"
    USED = "used"
    EXPIRED = "expired"


class Flag(StrEnum):
    """What is odd about the uses of a coupon. They count as uses all the same."""

    OVER_LIMIT = "over_limit"
    """Used more often than one person may."""
    LATE = "late"
    """Used after its last day."""
    EARLY = "early"
    """Used before its first day."""
    WRONG_STORE = "wrong_store"
    """Used in a store in which it is not valid."""
    NOT_ISSUED = "not_issued"
    """Used by somebody to whom it was never issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A coupon as the shop defined it; titles by language.

    Attributes:
        valid_from: first business day on which it can be used.
        valid_until: last one.
        stores: where it is valid; empty for everywhere.
        uses_per_person: how often one person may use it; None for no limit.
        public: for everybody: it counts as issued when first viewed.
    """

    coupon_id: str
    title: Mapping[str, str]
    valid_from: date | None = None
    valid_until: date | None = None
    stores: frozenset[str] = frozenset()
    uses_per_person: int | None = None
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponFact:
    """One coupon event of the person; ``valid_until`` is the last day that an issue names."""

    coupon_id: str
    event: str
    at: datetime
    store: str | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalCoupon:
    """One coupon of one person: when each stage was first reached.

    Attributes:
        valid_until: last business day on which this person can use it.
        uses: how often it was redeemed.
        stores: where, in the order of first use.
        flags: what is odd about the uses.
    """

    coupon_id: str
    title: Mapping[str, str]
    state: CouponState
    last_at: datetime
    issued_at: datetime | None = None
    viewed_at: datetime | None = None
    presented_at: datetime | None = None
    redeemed_at: datetime | None = None
    expired_at: datetime | None = None
    valid_until: date | None = None
    uses: int = 0
    uses_per_person: int | None = None
    stores: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


def last_day(value: object, calendar: BusinessCalendar) -> date | None:
    """The last business day of a validity as events write it: a day, or the moment at which it ends.

    A moment that begins a business day ends the day before. None for anything else, and beyond the years of the calendar:
    whoever writes the last moment of 9999 means for ever.
    """
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("2026-04-30"):
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo is not None else calendar.moment(moment)
        return calendar.business_day(aware - timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None


def personal_coupons(
    facts: Iterable[CouponFact],
    definitions: Mapping[str, Definition],
    *,
    today: date,
    calendar: BusinessCalendar = _DEFAULT,
) -> tuple[PersonalCoupon, ...]:
    """The coupons that were issued to a person or used by him: held ones first, then the latest.

    Args:
        facts: his coupon events, in any order.
        definitions: by coupon id; a public coupon counts as issued when first viewed.
        today: the business day; validity includes its last day.
        calendar: says on which business day something happened.
    """
    by_coupon: dict[str, list[CouponFact]] = {}
    for fact in sorted(facts, key=lambda fact: fact.at):
        by_coupon.setdefault(fact.coupon_id, []).append(fact)
    coupons = [
        _coupon(own, definitions.get(coupon_id, Definition(coupon_id=coupon_id, title={})), today, calendar)
        for coupon_id, own in by_coupon.items()
    ]
    his = [coupon for coupon in coupons if coupon.state is CouponState.USED or coupon.issued_at is not None]
    his.sort(key=lambda coupon: coupon.last_at, reverse=True)
    return tuple(sorted(his, key=lambda coupon: coupon.state is not CouponState.HELD))


def _coupon(
    facts: Sequence[CouponFact], definition: Definition, today: date, calendar: BusinessCalendar
) -> PersonalCoupon:
    first: dict[str, datetime] = {}
    for fact in facts:
        first.setdefault(fact.event, fact.at)
    issued = [first[event] for event in (_ISSUED, *([_VIEWED] if definition.public else [])) if event in first]
    uses = [fact for fact in facts if fact.event == _REDEEMED]
    ends = _ends(facts, definition)
    return PersonalCoupon(
        coupon_id=definition.coupon_id,
        title=definition.title,
        valid_until=ends,
        state=_state(first, ends, today),
        last_at=facts[-1].at,
        issued_at=min(issued, default=None),
        viewed_at=first.get(_VIEWED),
        presented_at=first.get(str(EventName.COUPON_PRESENTED)),
        redeemed_at=first.get(_REDEEMED),
        expired_at=first.get(_EXPIRED),
        uses=len(uses),
        uses_per_person=definition.uses_per_person,
        stores=tuple(dict.fromkeys(fact.store for fact in uses if fact.store)),
        flags=_flags(uses, definition, ends, calendar, issued=bool(issued)),
    )


def _ends(facts: Sequence[CouponFact], definition: Definition) -> date | None:
    """The earlier of the definition's last day and the latest that the issues name, if each of them names one."""
    own = [fact.valid_until for fact in facts if fact.event == _ISSUED]
    named = [day for day in own if day is not None]
    latest = max(named) if named and len(named) == len(own) else None
    return min((day for day in (latest, definition.valid_until) if day is not None), default=None)


def _flags(
    uses: Sequence[CouponFact],
    definition: Definition,
    ends: date | None,
    calendar: BusinessCalendar,
    *,
    issued: bool,
) -> tuple[Flag, ...]:
    days = [calendar.business_day(use.at) for use in uses]
    found = {
        Flag.OVER_LIMIT: definition.uses_per_person is not None and len(uses) > definition.uses_per_person,
        Flag.LATE: ends is not None and any(day > ends for day in days),
        Flag.EARLY: definition.valid_from is not None and any(day < definition.valid_from for day in days),
        Flag.WRONG_STORE: bool(definition.stores)
        and any(use.store and use.store not in definition.stores for use in uses),
        Flag.NOT_ISSUED: bool(uses) and not issued,
    }
    return tuple(flag for flag, holds in found.items() if holds)


def _state(reached: Mapping[str, datetime], ends: date | None, today: date) -> CouponState:
    if _REDEEMED in reached:
        return CouponState.USED
    over = ends is not None and ends < today
    return CouponState.EXPIRED if over or _EXPIRED in reached else CouponState.HELD


_ISSUED = str(EventName.COUPON_ISSUED)
_VIEWED = str(EventName.COUPON_VIEWED)
_REDEEMED = str(EventName.COUPON_REDEEMED)
_EXPIRED = str(EventName.COUPON_EXPIRED)
