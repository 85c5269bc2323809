"""The timeline of one person: events and messages in one order, cut into pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from segments.events import BY_NAME

LONGEST_DETAIL = 200
"""Characters of one property."""

_LAST = 2**63 - 1
_EPOCH = datetime.fromtimestamp(0, UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an event on the timeline; ``called`` is what the shop calls what has this id (see `NAMED`), by language."""

    name: str
    ja: str
    en: str
    value: str
    called: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the timeline: an event of the person, or a message to the person.

    Attributes:
        kind: "event" or "delivery".
        number: ``seq`` of the event, or ``delivery_id``.
        name: the event's name, or the delivery's state; of one that is planned and cannot go out yet what it waits for: ``paused``,
            ``awaiting_winner``.
        ja: label of the event, or the campaign's name.
        trusted: whether a secret key vouches for the event; true for deliveries.
        source: name of the source of an event.
        reason: why a delivery ended as it did.
        step: of a journey, the place of the step that sent it; None for other campaigns.
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
    step: int | None = None


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

_UNLISTED = {
    "Device Registered": ("端末の登録", "Device registered"),
    "Signed Out": ("ログアウト", "Signed out"),
    "Logged Out": ("ログアウト", "Signed out"),
}
"""Custom events that Joren understands."""


def event_labels(call: str, event: str | None) -> tuple[str, str]:
    """What people call an event, in Japanese and English; a custom event goes by its own name."""
    if call == "track":
        known = BY_NAME.get(event or "")
        return (known.ja, known.en) if known else _UNLISTED.get(event or "", (event or "", event or ""))
    ja, en = _CALLS.get(call, (call, call))
    return (f"{ja}：{event}", f"{en}: {event}") if event else (ja, en)


def name_of_event(name: str) -> tuple[str, str]:
    """What lists of events call an entry, which is a track call by its event and every other call by its type."""
    return event_labels(name, None) if name in _CALLS else event_labels("track", name)


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


NAMED = {"store_id": "store", "product_id": "product", "coupon_id": "coupon", "campaign_id": "campaign"}
"""Properties whose values are ids of what the shop defines, and of what."""


def ids_named(events: Sequence[Happening], what: str) -> set[str]:
    """The ids of stores, products, coupons or campaigns that events name."""
    return {each.value for event in events for each in event.properties if NAMED.get(each.name) == what}


def with_names(events: Sequence[Happening], names: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[Happening]:
    """The events with names for ids: ``names`` holds them by one of `NAMED`'s nouns, id and language."""
    return [
        replace(
            event,
            properties=tuple(
                replace(each, called=names.get(NAMED.get(each.name, ""), {}).get(each.value))
                for each in event.properties
            ),
        )
        for event in events
    ]


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
        place = cls(_EPOCH + int(moment) * _TICK, int(seq), int(delivery_id))
        if not (0 <= place.seq <= _LAST and 0 <= place.delivery_id <= _LAST):
            raise ValueError(text)
        return place

    def written(self) -> str:
        """The point as a text that can stand in an address."""
        return f"{(self.at - _EPOCH) // _TICK}_{self.seq}_{self.delivery_id}"
