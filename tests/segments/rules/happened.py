"""Frames for rules about behaviour: what each behaviour's columns hold is worked out of a history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import Any

import polars as pl

from segments.rules.behaviour import Behaviour, source_of
from segments.rules.occurrences import behaviour_rows
from segments.rules.packing import pack_occurrences
from segments.rules.references import every_behaviour, resolve
from segments.rules.rule import Rule
from tests.segments.history import Happening, days_of, frames, moment
from tests.segments.reference_customers import verified_names
from tests.segments.rules.people import frame_of, person

AS_OF = moment(40).date()
NOW = moment(40, 720)
CUSTOMERS = (1, 2, 3)


def frame_for(
    rules: Iterable[Rule],
    history: Sequence[Happening],
    *,
    known: Mapping[int, Mapping[str, Any]] | None = None,
    segments: Mapping[int, Rule] | None = None,
    customers: Iterable[int] = CUSTOMERS,
    as_of: date = AS_OF,
    now: datetime = NOW,
) -> pl.DataFrame:
    """The frame of some customers with every behaviour that the rules ask; ``known`` are values of scalar columns."""
    rows = [person(customer_id=who, as_of=as_of, **(known or {}).get(who, {})) for who in customers]
    frame = frame_of(rows, events=()).lazy()
    extra = {name for row in rows for name in row} - {*frame.collect_schema()}
    for name in sorted(extra):
        values = [row.get(name) for row in rows]
        frame = frame.with_columns(pl.Series(name, values))
    resolved = [resolve(rule, segments or {}) for rule in rules]
    asked = {one for rule in resolved for one in every_behaviour(rule) if source_of(one) != "ledger"}
    for behaviour in sorted(asked, key=repr):
        packed = pack_occurrences(_rows(behaviour, history, as_of=as_of, now=now), behaviour)
        fresh = [name for name in packed.collect_schema() if name not in frame.collect_schema()]
        frame = frame.join(packed.select("customer_id", *fresh), on="customer_id", how="left")
    return frame.sort("customer_id").collect()


def _rows(behaviour: Behaviour, history: Sequence[Happening], *, as_of: date, now: datetime) -> pl.LazyFrame:
    events, lines = frames(history)
    return behaviour_rows(
        behaviour,
        days=days_of(history),
        events=events,
        lines=lines,
        verified=verified_names(list(history)),
        now=now,
        day=as_of,
    )


EVENTS = (
    "Order Completed", "Order Refunded", "Order Cancelled", "Points Earned", "Store Visited", "Coupon Redeemed",
    "Application Opened", "Survey Answered", "Membership Rank Changed", "Product Viewed", "Push Notification Received",
    "Membership Joined", "Spun The Wheel", "Order Line",
)  # fmt: skip
"""What can happen; the last but one is a shop's own, the last has the name of something that Joren derives."""

_ORDERED = ("Order Completed", "Order Refunded", "Order Cancelled")


def draw_history(draw: Random, events: Sequence[str], *, size: int = 40) -> list[Happening]:
    """A dense history of a few events; the third customer never does anything, the second little."""
    happenings = [
        _draw_one(draw, draw.choice([*events, *_ORDERED[: 1 + 2 * (draw.random() < 0.2)]])) for _ in range(size)
    ]
    return [replace(row, seq=seq + 1) for seq, row in enumerate(happenings)]


OWN: dict[str, tuple[Any, ...]] = {
    "property:recipe_id": ("R1", "R2", "S1", 7, "7", "r1"),
    "property:minutes": (5, 20, 20.5, "20", "20.50", "soon", -3, 0, 1.25, True, None, [20, 5], 10**13, 1e-7),
    "property:gift": (True, False, "true", 1, None),
    "property:tags": (["tea", "hot"], ["hot"], [], "tea", ["tea", 5, None, {"x": 1}], {"x": 1}),
    "property:category": ("tea", "milk"),
}
"""Own properties with what they may be; the last has the name of one that known events have a column for."""


def _draw_own(draw: Random, event: str) -> tuple[tuple[str, Any], ...]:
    own = [(name.removeprefix("property:"), draw.choice(values)) for name, values in OWN.items()]
    told = [each for each in own if draw.random() < 0.6]
    if event == "Product Viewed":
        told = [each for each in told if each[0] != "category"]
        told += [("product_id", draw.choice(("P1", "P2", None))), ("brand", draw.choice(("ito", "uno", None)))]
    return tuple(told)


def _draw_one(draw: Random, event: str) -> Happening:
    lines = draw.choices(("tea", "milk", ""), k=draw.randint(0, 2)) if event == "Order Completed" else []
    ago = draw.randint(0, draw.choice((1, 6, 40)))
    return Happening(
        seq=0,
        customer=draw.choice((1, 1, 1, 2)),
        event=event,
        at=moment(40 - ago, draw.choice((0, 600, 640, 700, 1439))),
        trusted=draw.random() < 0.7,
        order=draw.randint(0, 12) if event in _ORDERED else None,
        amount=draw.choice((None, *range(10)))
        if event in _ORDERED
        else draw.randint(0, 9)
        if "Points" in event
        else None,
        coupon=draw.choice(("spring", "tea")) if event == "Coupon Redeemed" else None,
        store=draw.choice((None, "S1", "S2")),
        rank=draw.choice(("gold", "silver")) if event == "Membership Rank Changed" else None,
        category=draw.choice((None, "tea", "milk")) if event == "Product Viewed" else None,
        own=_draw_own(draw, event),
        score=draw.choice((None, *range(11))) if event == "Survey Answered" else None,
        campaign=draw.choice((None, 7, 8)) if "Push" in event else None,
        platform=draw.choice((None, "ios", "android")),
        lines=tuple((category, 1, 1) for category in lines),
        products=tuple(draw.choice((None, "P1", "P2")) for _ in lines),
        brands=tuple(draw.choice((None, "ito", "uno")) for _ in lines),
    )
