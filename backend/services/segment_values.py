"""What the segment builder suggests: the values that there are, by name and with how many people have them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import polars as pl
import structlog

from backend.clock import Clock
from backend.store import segment_values as store
from segments.breakdown import BREAKDOWNS
from segments.customers import DAYS_PREFIX, StoredFrame
from segments.event_properties import PREFIX
from segments.history import History
from segments.observed_properties import people_by_property
from segments.observed_values import COUNTED, people_by_value
from segments.rules.behaviour import known_events

MOST = 300
"""Values of one kind that are offered; others can be typed."""

PATIENCE = 0.1
"""Seconds for which a page waits for counts."""

FRESH = timedelta(minutes=5)
"""How long what was found is offered again: suggestions are a help, not a figure."""

_CALLS = frozenset({"identify", "screen", "page", "group", "alias"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value that rules can name.

    Attributes:
        value: as a rule names it.
        people: who has it now, or did something with it; None where that is not counted, or not yet.
        about: ``people`` is an estimate.
    """

    value: str
    ja: str
    en: str
    people: int | None = None
    about: bool = False


@dataclass(frozen=True, slots=True)
class KnownProperty:
    """An own property of an event.

    Attributes:
        known: its name as a rule has it, and how many people had it.
        number: nearly all of its values are numbers.
        values: the most frequent ones.
    """

    known: KnownValue
    number: bool
    values: tuple[KnownValue, ...]


_NOUNS: Mapping[str, store.Noun] = {
    "store": "stores",
    "product": "products",
    "category": "categories",
    "coupon": "coupons",
    "campaign": "campaigns",
    "segment": "segments",
    "list": "lists",
}
_BY_ATTRIBUTE: Mapping[str, str] = {"rank": "rank", "platform": "platform", "category": "favorite_category"}
"""Properties of events whose values are those of an attribute."""
_NAMED: Mapping[str, str] = {"last_store": "store"}
"""Attributes whose values are codes of something that has names."""


class SegmentValues:
    """Values that are really there."""

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, frame: StoredFrame, history: History, *, patience: float = PATIENCE
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._frame = frame
        self._history = history
        self._patience = patience
        self._known: dict[str, tuple[datetime, tuple[KnownValue, ...]]] = {}
        self._counting: dict[str, asyncio.Task[tuple[KnownValue, ...]]] = {}
        self._own: dict[str, tuple[datetime, tuple[KnownProperty, ...]]] = {}
        self._looking: dict[str, asyncio.Task[tuple[KnownProperty, ...]]] = {}

    async def of_attribute(self, name: str) -> tuple[KnownValue, ...]:
        """The most frequent values of a text attribute, with how many people have each."""
        return await self._remembered(f"attribute:{name}", lambda: self._counted(name))

    async def of_property(self, name: str) -> tuple[KnownValue, ...]:
        """Values of a property of events, or of ``segment`` or ``list``, by name; the most frequent first where they are counted.

        Counting reads history: who asks first may get the names alone, and the counts when he asks again.
        """
        if name not in COUNTED:
            return await self._remembered(name, lambda: self._named(name))
        task = self._counting.get(name)
        if task is None:
            task = self._counting[name] = asyncio.create_task(self._remembered(name, lambda: self._observed(name)))
            task.add_done_callback(lambda done: self._counted_now(name, done))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        return task.result() if done else await self._remembered(f"names:{name}", lambda: self._named(name))

    def own_events(self) -> tuple[str, ...]:
        """Events of the shop's own that anybody ever did."""
        columns = self._frame.read().frame.collect_schema().names()
        days = (name.removeprefix(DAYS_PREFIX) for name in columns if name.startswith(DAYS_PREFIX) and "|" not in name)
        return tuple(sorted({*days} - {*known_events(), *_CALLS}))

    async def own_properties(self, event: str) -> tuple[KnownProperty, ...]:
        """The own properties that an event had of late, with their values; who asks first may get none, and all when he asks again."""
        kept = self._own.get(event)
        now = self._clock.now()
        if kept is not None and kept[0] <= now < kept[0] + FRESH:
            return kept[1]
        task = self._looking.get(event)
        if task is None:
            task = self._looking[event] = asyncio.create_task(self._look_at(event))
            task.add_done_callback(lambda done: self._looked(event, done))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        return task.result() if done else kept[1] if kept is not None else ()

    async def _look_at(self, event: str) -> tuple[KnownProperty, ...]:
        view = self._frame.read()
        found, about = await asyncio.to_thread(
            people_by_property, self._history, event, customers=view.customers, day=view.day, most=MOST
        )
        return tuple(
            KnownProperty(
                KnownValue(f"{PREFIX}{one.name}", one.name, one.name, one.people, about),
                one.number,
                tuple(KnownValue(value, value, value, people, about) for value, people in one.values.items()),
            )
            for one in found
        )

    def _looked(self, event: str, task: "asyncio.Task[tuple[KnownProperty, ...]]") -> None:
        self._looking.pop(event, None)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.warning("properties_not_counted", event_name=event, error=repr(error))
        else:
            self._own[event] = (self._clock.now(), task.result())

    def _counted_now(self, name: str, task: "asyncio.Task[tuple[KnownValue, ...]]") -> None:
        self._counting.pop(name, None)
        if (
            not task.cancelled() and (error := task.exception()) is not None
        ):  # who waited has it; the page has the names
            log.warning("values_not_counted", property=name, error=repr(error))

    async def _observed(self, name: str) -> tuple[KnownValue, ...]:
        """The named values and those that occur, with how many people did something with each."""
        named, view = await self._named(name), self._frame.read()
        counts, about = await asyncio.to_thread(
            people_by_value, self._history, name, customers=view.customers, day=view.day, most=MOST
        )
        known = {each.value: each for each in named}
        known |= {value: KnownValue(value, value, value) for value in counts if value not in known}
        found = [replace(each, people=counts.get(each.value), about=about) for each in known.values()]
        return tuple(sorted(found, key=lambda each: -(each.people or 0)))

    async def names(self, by: str) -> dict[str, KnownValue]:
        """The values of one of `segments.preview.PICTURES` that go by another name than their own."""
        codes = BREAKDOWNS[by].codes
        found = {value: KnownValue(value, each["ja"], each["en"]) for value, each in codes.items()}
        if by in _NAMED:
            found |= {each.value: each for each in await self.of_property(_NAMED[by])}
        return found

    async def _remembered(
        self, key: str, ask: Callable[[], Awaitable[tuple[KnownValue, ...]]]
    ) -> tuple[KnownValue, ...]:
        now = self._clock.now()
        kept = self._known.get(key)
        if kept is None or not kept[0] <= now < kept[0] + FRESH:
            kept = self._known[key] = (now, await ask())
        return kept[1]

    async def _counted(self, name: str) -> tuple[KnownValue, ...]:
        view = self._frame.read()
        if view.frame.collect_schema().get(name) != pl.String():
            return ()
        counts = view.frame.select(name).drop_nulls().group_by(name).agg(pl.len().alias("people"))
        largest = counts.sort("people", name, descending=[True, False]).head(MOST)
        rows = await asyncio.to_thread(largest.collect)
        names = await self.names(name) if name in BREAKDOWNS else {}
        return tuple(
            _with_people(names.get(value) or KnownValue(value, value, value), n) for value, n in rows.iter_rows()
        )

    async def _named(self, name: str) -> tuple[KnownValue, ...]:
        found: tuple[KnownValue, ...] = ()
        if name in _NOUNS:
            async with self._pool.acquire() as connection:
                rows = await store.list_values(connection, noun=_NOUNS[name], most=MOST)
            found = tuple(_value(row) for row in rows)
        if name not in _BY_ATTRIBUTE:
            return found
        seen = {each.value for each in found}
        counted = await self.of_attribute(_BY_ATTRIBUTE[name])
        return (*found, *(replace(each, people=None) for each in counted if each.value not in seen))


def _with_people(known: KnownValue, people: int) -> KnownValue:
    return replace(known, people=people)


def _value(row: asyncpg.Record) -> KnownValue:
    value, label = row["value"], row["label"] or {}
    ja = label.get("ja") or label.get("en") or value
    return KnownValue(value, ja, label.get("en") or ja)
