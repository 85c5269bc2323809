"""A behaviour: which occurrences of an event count, before anyone asks how often or when they happened.

A rule reads each behaviour from one list column of the customer frame, the business days on which it happened. Plain
events have theirs in the frame (`segments.customers`); every other behaviour is answered from history by
`segments.rules.occurrences` and joined to the frame under `column_of`.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from segments import events
from segments.customers import days_column
from segments.event_properties import is_own, own_name
from segments.events import EventName
from segments.reduce.days import DERIVED

CAMPAIGN_RECEIVED = "Campaign Received"
CAMPAIGN_OPENED = "Campaign Opened"
CAMPAIGN_CONVERTED = "Campaign Converted"
LEDGER_EVENTS = (CAMPAIGN_RECEIVED, CAMPAIGN_OPENED, CAMPAIGN_CONVERTED)
"""What only the ledger of messages knows: not events that anybody sends."""

Source: TypeAlias = Literal["frame", "days", "lines", "events", "ledger"]
Keeps: TypeAlias = Literal["newest", "days", "amounts"]

_ORDER = str(EventName.ORDER_COMPLETED)
_POINTS = (EventName.POINTS_EARNED, EventName.POINTS_SPENT, EventName.POINTS_EXPIRED)
_OPINIONS = (EventName.SURVEY_ANSWERED, EventName.FEEDBACK_SUBMITTED)
_PUSHES = (EventName.PUSH_RECEIVED, EventName.PUSH_TAPPED)


class Property(StrEnum):
    """What a filter can be about."""

    STORE = "store"
    CATEGORY = "category"
    PRODUCT = "product"
    BRAND = "brand"
    COUPON = "coupon"
    CAMPAIGN = "campaign"
    RANK = "rank"
    PLATFORM = "platform"
    AMOUNT = "amount"
    SCORE = "score"


NUMBERS = frozenset({Property.AMOUNT, Property.SCORE})
"""Properties compared by size; the others are texts."""

OF_LINES = frozenset({Property.PRODUCT, Property.BRAND})
"""What, of an order, only its lines say."""

_KEPT_AS: dict[str, dict[str, str]] = {
    EventName.PRODUCT_VIEWED: {Property.PRODUCT: "product_id", Property.BRAND: "brand"},
}
"""Properties that the lake keeps among those without a column of their own, by the names that they have there."""

_PROPERTIES: dict[str, tuple[Property, ...]] = {
    _ORDER: (Property.STORE, Property.CATEGORY, Property.PRODUCT, Property.BRAND, Property.AMOUNT),
    EventName.ORDER_REFUNDED: (Property.AMOUNT,),
    EventName.COUPON_ISSUED: (Property.COUPON,),
    EventName.COUPON_VIEWED: (Property.COUPON,),
    EventName.COUPON_PRESENTED: (Property.COUPON, Property.STORE),
    EventName.COUPON_REDEEMED: (Property.COUPON, Property.STORE),
    EventName.COUPON_EXPIRED: (Property.COUPON,),
    EventName.MEMBERSHIP_JOINED: (Property.STORE,),
    EventName.MEMBERSHIP_RANK_CHANGED: (Property.RANK,),
    EventName.STORE_VISITED: (Property.STORE,),
    EventName.PRODUCT_VIEWED: (Property.CATEGORY, Property.PRODUCT, Property.BRAND),
    **dict.fromkeys(_POINTS, (Property.AMOUNT,)),
    **dict.fromkeys(_OPINIONS, (Property.SCORE,)),
    **dict.fromkeys(_PUSHES, (Property.CAMPAIGN,)),
}

_IN_DAYS: dict[str, tuple[Property, ...]] = {
    _ORDER: (Property.STORE, Property.CATEGORY, Property.AMOUNT),
    **{event: _PROPERTIES[event] for event in (
        EventName.COUPON_ISSUED, EventName.COUPON_VIEWED, EventName.COUPON_PRESENTED, EventName.COUPON_REDEEMED,
        EventName.COUPON_EXPIRED, EventName.MEMBERSHIP_RANK_CHANGED, EventName.STORE_VISITED,
        *_PUSHES,
    )},
    EventName.PRODUCT_VIEWED: (Property.CATEGORY,),
}  # fmt: skip
"""Properties that customer_days keeps as key, detail or amount (see `segments.reduce.days`)."""


@dataclass(frozen=True, slots=True)
class Match:
    """A filter on a property of an event.

    Attributes:
        name: one of `Property`, only those that the event has (`properties_of`), or ``property:`` and the name of one of the shop's own
            (`segments.rules.own_properties`, also for what these can be asked).
        op: ``in`` and ``not_in`` for texts, ``>=``, ``<=`` and ``between`` for numbers. ``not_in`` of what has several values, such
            as an order's categories: it has some, and none of these.
        value: the texts, a number (amounts in minor units, own properties in ten-thousandths), or both ends of a range.
    """

    name: str
    op: str
    value: tuple[str, ...] | int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Then:
    """A second event that has to follow the first.

    Attributes:
        within_hours: counted from the first event's moment to the second's; the second comes after the first.
    """

    event: str
    where: tuple[Match, ...] = ()
    within_hours: int = 24


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Which occurrences count.

    Attributes:
        event: its name; ``Order Completed`` means counted orders.
        where: all of these have to match.
        then: the occurrences are those of this second event that completed a sequence.
        minutes: only occurrences of the last so many minutes, as of now.
        until: only occurrences up to that business day.
        keeps: what the list has to hold: the newest `segments.customers.NEWEST` occurrences, every day once, or every
            occurrence with its amount beside it.
        measured: the property whose numbers are the amounts, each an occurrence of its own: an own property, or ``score``; empty for
            the event's amount.
    """

    event: str
    where: tuple[Match, ...] = ()
    then: Then | None = None
    minutes: int | None = None
    until: date | None = None
    keeps: Keeps = "newest"
    measured: str = ""

    @property
    def counted(self) -> str:
        """The event that is counted: of a sequence the second."""
        return self.event if self.then is None else self.then.event

    @property
    def is_plain(self) -> bool:
        """Whether every occurrence ever counts."""
        return (
            not self.measured and not self.where and self.then is None and self.minutes is None and self.until is None
        )


def properties_of(event: str) -> tuple[Property, ...]:
    """What occurrences of an event can be filtered by, in the order in which forms show it."""
    if event in LEDGER_EVENTS:
        return (Property.CAMPAIGN,)
    return (*_PROPERTIES.get(event, ()), Property.PLATFORM)


def has_amount(event: str) -> bool:
    """Whether an event's occurrences have amounts that can be summed: money, or points."""
    return event == CAMPAIGN_CONVERTED or Property.AMOUNT in _PROPERTIES.get(event, ())


def is_money(event: str) -> bool:
    """Whether those amounts are money in minor units rather than points."""
    return has_amount(event) and event not in _POINTS


def has_score(event: str) -> bool:
    """Whether an event's occurrences have a score."""
    return Property.SCORE in _PROPERTIES.get(event, ())


def kept_as(name: str, event: str) -> str | None:
    """The name under which the lake keeps a property among those without a column of their own; None where it has a column, or lines."""
    return own_name(name) if is_own(name) else _KEPT_AS.get(event, {}).get(name)


def asks_lines(event: str, where: tuple[Match, ...]) -> bool:
    """Whether order lines decide filters on an event."""
    return event == _ORDER and any(match.name in OF_LINES for match in where)


def column_of(behaviour: Behaviour) -> str:
    """The list column that holds its days: newest first; of plain orders with amounts, the frame's own list, oldest first."""
    if _is_order_list(behaviour):
        return "orders:business_day"
    plain = days_column(behaviour.event)
    return plain if behaviour == Behaviour(behaviour.event) else f"{plain}|{_digest(behaviour)}"


def amounts_column(behaviour: Behaviour) -> str:
    """The list of amounts beside `column_of`, entry by entry, of a behaviour that keeps amounts: minor units, orders net."""
    if _is_order_list(behaviour):
        return "orders:net"
    return f"amounts:{behaviour.event}|{_digest(behaviour)}"


def source_of(behaviour: Behaviour) -> Source:
    """The cheapest place that can answer.

    frame: it is a column of every frame. days: customer_days. lines: customer_days and order lines. events: the events
    themselves (and customer_days, for orders). ledger: PostgreSQL's ledger of messages.
    """
    if behaviour.event in LEDGER_EVENTS:
        return "ledger"
    if behaviour.event in DERIVED:  # customer_days has rows of its own under these names
        return "events"
    if behaviour == Behaviour(behaviour.event) or _is_order_list(behaviour):
        return "frame"
    asked = {match.name for match in behaviour.where}
    known = {*_IN_DAYS.get(behaviour.event, ()), *(OF_LINES if behaviour.event == _ORDER else ())}
    if behaviour.then is not None or behaviour.minutes is not None or behaviour.measured or not asked <= known:
        return "events"
    if behaviour.keeps == "amounts" and behaviour.event != _ORDER:
        return "events"
    return "lines" if asks_lines(behaviour.event, behaviour.where) else "days"


def is_oldest_first(behaviour: Behaviour) -> bool:
    """Whether its lists begin with the oldest day: those of every order in the frame do, all others with the newest."""
    return _is_order_list(behaviour)


def _is_order_list(behaviour: Behaviour) -> bool:
    """Whether the frame's lists of every counted order (`segments.customers.ORDER_LISTS`) answer it."""
    return behaviour.event == _ORDER and behaviour.is_plain and behaviour.keeps != "newest"


def _digest(behaviour: Behaviour) -> str:
    told = msgspec.to_builtins(behaviour)
    if (
        not behaviour.measured
    ):  # columns of stored rows keep the names that they had before anything else could be measured
        del told["measured"]
    return hashlib.blake2b(msgspec.json.encode(told), digest_size=8).hexdigest()


def known_events() -> tuple[str, ...]:
    """Events that a rule may be sure to know: those of the vocabulary and of the ledger."""
    return (*events.BY_NAME, *LEDGER_EVENTS)
