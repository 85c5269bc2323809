"""What is shown of one person: the line of a list, the whole page, the timeline of events and messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from segments.coupons import PersonalCoupon
from segments.events import BY_NAME
from segments.rules.explain import Finding

LONGEST_DETAIL = 200
"""Characters of one property on the timeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One line of the list of members. What the frame does not know yet is None."""

    customer_id: int
    user_id: str | None
    name: str | None
    email: str | None
    rank: str | None = None
    orders: int | None = None
    spend: int | None = None
    last_order: date | None = None
    last_seen: date | None = None
    reachable: bool | None = None
    test_account: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """One page of the list.

    Attributes:
        total: members on all pages.
        cut: the search found more than it looks at; a longer beginning finds the rest.
    """

    people: tuple[PersonLine, ...]
    total: int
    page: int
    size: int
    cut: bool
    as_of: datetime

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One id a person is known by."""

    kind: str
    value: str
    proven: bool
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device; its address is kept back."""

    device_id: int
    address_kind: str
    platform: str | None
    app_version: str | None
    locale: str | None
    permission: str
    state: str
    first_seen: datetime
    last_seen: datetime
    retired_at: datetime | None
    retired_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The person's latest word for one purpose and channel."""

    purpose: str
    channel: str
    granted: bool
    changed_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """One segment, whether the person is in it, and why."""

    segment_id: int
    name: str
    member: bool
    ja: Finding
    en: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetail:
    """Everything known of one person.

    Attributes:
        customer_id: of the survivor where the one asked for was merged.
        traits: the profile as the shop sent it.
        facts: the person's row of the customer frame by attribute; None before the first refresh.
        as_of: up to when `facts` are known.
    """

    customer_id: int
    user_id: str | None
    name: str | None
    email: str | None
    created_at: datetime
    known_to_shop: bool
    test_account: bool
    traits: Mapping[str, Any]
    traits_at: datetime | None
    identities: tuple[Identity, ...]
    devices: tuple[Device, ...]
    consents: tuple[Consent, ...]
    coupons: tuple[PersonalCoupon, ...]
    segments: tuple[Belonging, ...]
    facts: Mapping[str, Any] | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an event on the timeline."""

    name: str
    ja: str
    en: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the timeline: an event of the person, or a message to the person.

    Attributes:
        kind: "event" or "delivery".
        number: ``seq`` of the event, or ``delivery_id``.
        name: the event's name, or the delivery's state.
        ja: label of the event, or the campaign's name.
        trusted: whether a secret key vouches for the event; true for deliveries.
        source: name of the source of an event.
        reason: why a delivery ended as it did.
    """

    at: datetime
    kind: str
    number: int
    name: str
    ja: str
    en: str
    trusted: bool = True
    source: str | None = None
    properties: tuple[Property, ...] = ()
    campaign_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One page of the timeline, newest first; ``next`` asks for the page after it, None at the end."""

    entries: tuple[Happening, ...]
    next: str | None


_CALLS = {
    "identify": ("プロフィールの更新", "Profile updated"),
    "screen": ("画面の表示", "Screen viewed"),
    "page": ("ページの表示", "Page viewed"),
    "alias": ("会員番号の変更", "Member number changed"),
    "group": ("グループへの参加", "Joined a group"),
}


def event_labels(call: str, event: str | None) -> tuple[str, str]:
    """What people call an event, in Japanese and English; a custom event goes by its own name."""
    if call == "track":
        known = BY_NAME.get(event or "")
        return (known.ja, known.en) if known else (event or "", event or "")
    ja, en = _CALLS.get(call, (call, call))
    return (f"{ja}：{event}", f"{en}: {event}") if event else (ja, en)


def event_properties(event: str | None, payload: Mapping[str, Any]) -> tuple[Property, ...]:
    """The event's plain properties with their labels; lists are told by their length, objects left out."""
    known = {prop.name: prop for prop in BY_NAME[event].properties} if event in BY_NAME else {}
    found = payload.get("properties") or payload.get("traits") or {}
    if not isinstance(found, Mapping):
        return ()
    return tuple(
        Property(name, known[name].ja if name in known else name, known[name].en if name in known else name, text)
        for name, value in found.items()
        if (text := _plain(value))
    )


def _plain(value: object) -> str:
    match value:
        case bool():
            return "✓" if value else "×"
        case str() | int() | float():
            return str(value)[:LONGEST_DETAIL]
        case list():
            return f"[{len(value)}]"
        case _:
            return ""


def merged(events: Sequence[Happening], deliveries: Sequence[Happening], *, size: int) -> Timeline:
    """The newest ``size`` of both, each newest first and one longer than ``size`` where there is more.

    At the same moment messages stand before events, so that the place of the page's end is one point of both.
    """
    both = sorted([*events, *deliveries], key=lambda one: (one.at, one.kind == "delivery", one.number), reverse=True)
    page = tuple(both[:size])
    return Timeline(page, Place.after(page[-1]).written() if len(both) > size else None)


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the timeline: events before ``(at, seq)`` and deliveries before ``(at, delivery_id)`` come next."""

    at: datetime
    seq: int
    delivery_id: int

    @classmethod
    def after(cls, entry: Happening) -> "Place":
        """The point behind an entry."""
        if entry.kind == "event":
            return cls(entry.at, entry.number, 0)
        return cls(entry.at, _LAST, entry.number)

    @classmethod
    def read(cls, text: str | None) -> "Place":
        """The point that `written` wrote; the newest for None.

        Raises:
            ValueError: the text is none of ours.
        """
        if text is None:
            return cls(datetime.max.replace(tzinfo=UTC), _LAST, _LAST)
        moment, seq, delivery_id = text.split("_")
        place = cls(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(moment)), int(seq), int(delivery_id))
        if not (0 <= place.seq <= _LAST and 0 <= place.delivery_id <= _LAST):
            raise ValueError(text)
        return place

    def written(self) -> str:
        """The point as a text that can stand in an address."""
        return (
            f"{(self.at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)}_{self.seq}_{self.delivery_id}"
        )


_LAST = 2**63 - 1
