"""Frames for rules about behaviour: what each behaviour's columns hold is worked out of a history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
from hypothesis import strategies as st

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
    as_of: date = AS_OF,
    now: datetime = NOW,
) -> pl.DataFrame:
    """The frame of three customers with every behaviour that the rules ask; ``known`` are values of scalar columns."""
    rows = [person(customer_id=who, as_of=as_of, **(known or {}).get(who, {})) for who in CUSTOMERS]
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


_STORES = st.sampled_from(("S1", "S2"))
_EVENTS = (
    "Order Completed", "Order Completed", "Order Completed", "Order Refunded", "Order Cancelled", "Points Earned",
    "Store Visited", "Coupon Redeemed", "Application Opened", "Survey Answered", "Membership Rank Changed",
    "Product Viewed", "Push Notification Received", "Membership Joined", "Spun The Wheel", "Order Line",
)  # fmt: skip
EVENTS = tuple(sorted({*_EVENTS}))


@st.composite
def _happening(draw: st.DrawFn) -> Happening:
    event = draw(st.sampled_from(_EVENTS))
    lines = draw(st.lists(st.sampled_from(("tea", "milk", "")), max_size=2)) if event == "Order Completed" else []
    ordered = event in ("Order Completed", "Order Refunded", "Order Cancelled")
    whole = ordered and event != "Order Completed"
    return Happening(
        seq=0,
        customer=draw(st.sampled_from(CUSTOMERS[:2])),
        event=event,
        at=moment(40 - draw(st.integers(0, 6) | st.integers(0, 40)), draw(st.sampled_from((0, 600, 700, 1439)))),
        trusted=draw(st.booleans()),
        order=draw(st.integers(0, 4)) if ordered else None,
        amount=draw(st.none() if whole and draw(st.booleans()) else st.integers(0, 9))
        if ordered or "Points" in event
        else None,
        coupon=draw(st.sampled_from(("spring", "tea"))) if event == "Coupon Redeemed" else None,
        store=draw(st.none() | _STORES),
        rank=draw(st.sampled_from(("gold", "silver"))) if event == "Membership Rank Changed" else None,
        category=draw(st.none() | st.sampled_from(("tea", "milk"))) if event == "Product Viewed" else None,
        score=draw(st.none() | st.integers(0, 10)) if event == "Survey Answered" else None,
        campaign=draw(st.none() | st.sampled_from((7, 8))) if "Push" in event else None,
        platform=draw(st.none() | st.sampled_from(("ios", "android"))),
        lines=tuple((category, 1, 1) for category in lines),
        products=tuple(draw(st.none() | st.sampled_from(("P1", "P2"))) for _ in lines),
    )


histories = st.lists(_happening(), max_size=30).map(
    lambda found: [replace(row, seq=seq + 1) for seq, row in enumerate(found)]
)
"""Small histories of a shop; the third customer never did anything."""
