"""Small random histories of a shop, as plain values and as the lake's frames."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import strategies as st

from segments.event_properties import kept_properties
from segments.events import EventName
from segments.reduce.days import customer_days

DAY_ZERO = date(2026, 3, 2)
"""A Monday."""

EVENTS_SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "customer_id": pl.Int64(),
    "event": pl.String(),
    "business_day": pl.Date(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "received_at": pl.Datetime("us", "UTC"),
    "source_id": pl.Int32(),
    "trusted": pl.Boolean(),
    "platform": pl.String(),
    "device_key": pl.Int64(),
    "order_key": pl.Int64(),
    "amount": pl.Int64(),
    "currency": pl.String(),
    "coupon_id": pl.String(),
    "store": pl.String(),
    "rank": pl.String(),
    "category": pl.String(),
    "score": pl.Int32(),
    "delivery_id": pl.Int64(),
    "campaign_id": pl.Int32(),
    "valid_until": pl.Date(),
    "properties": pl.List(pl.String()),
}
LINES_SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "customer_id": pl.Int64(),
    "business_day": pl.Date(),
    "order_key": pl.Int64(),
    "product": pl.String(),
    "category": pl.String(),
    "quantity": pl.Int64(),
    "amount": pl.Int64(),
    "brand": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a customer; only the fields its event knows are filled."""

    seq: int
    customer: int
    event: str
    at: datetime
    trusted: bool = True
    device: int | None = None
    order: int | None = None
    amount: int | None = None
    coupon: str | None = None
    until: date | None = None
    store: str | None = None
    rank: str | None = None
    category: str | None = None
    score: int | None = None
    lines: tuple[tuple[str, int, int], ...] = ()
    """Category, quantity, amount of each order line."""
    products: tuple[str | None, ...] = ()
    """Product of each order line, where they have any."""
    brands: tuple[str | None, ...] = ()
    """Brand of each order line, where they have any."""
    platform: str | None = None
    campaign: int | None = None
    own: tuple[tuple[str, Any], ...] = ()
    """Properties without a column of their own, as they came."""

    @property
    def day(self) -> date:
        """The business day; these shops keep UTC."""
        return self.at.date()


def moment(day: int, minute: int = 600) -> datetime:
    """A moment on the n-th day of the history."""
    return datetime.combine(DAY_ZERO, datetime.min.time(), UTC) + timedelta(days=day, minutes=minute)


_ORDERS = (EventName.ORDER_COMPLETED, EventName.ORDER_REFUNDED, EventName.ORDER_CANCELLED)
_COUPONS = (
    EventName.COUPON_ISSUED,
    EventName.COUPON_VIEWED,
    EventName.COUPON_PRESENTED,
    EventName.COUPON_REDEEMED,
    EventName.COUPON_EXPIRED,
)
_ENDING = (EventName.COUPON_ISSUED,)
_POINTS = (EventName.POINTS_EARNED, EventName.POINTS_SPENT, EventName.POINTS_EXPIRED)
_STAYS = (EventName.MEMBERSHIP_JOINED, EventName.MEMBERSHIP_WITHDRAWN)
_DEVICES = (EventName.APPLICATION_OPENED, EventName.APPLICATION_UNINSTALLED, EventName.ADDRESS_RETIRED)
_OTHERS = (EventName.MEMBERSHIP_RANK_CHANGED, EventName.STORE_VISITED, "Custom Thing")
EVERYTHING = (*_ORDERS, EventName.ORDER_COMPLETED, *_COUPONS, *_POINTS, *_STAYS, *_DEVICES, *_OTHERS)


@st.composite
def _happening(draw: st.DrawFn, names: Sequence[str], days: int, customers: int) -> Happening:
    event = str(draw(st.sampled_from(names)))
    small = st.integers(0, 3)
    ordered = event in _ORDERS
    lines = st.lists(st.tuples(st.sampled_from(("tea", "milk", "")), st.integers(1, 3), small), max_size=2)
    return Happening(
        seq=0,
        customer=draw(st.integers(1, customers)),
        event=event,
        at=moment(draw(st.integers(0, days)), draw(st.sampled_from((0, 600, 1439)))),
        trusted=draw(st.booleans()),
        device=draw(st.none() | small) if event in _DEVICES or event == "Custom Thing" else None,
        order=draw(st.integers(0, 5)) if ordered else None,
        amount=draw(st.none() | small) if ordered else draw(small) if event in _POINTS else None,
        coupon=draw(st.sampled_from(("spring", "tea", "late"))) if event in _COUPONS else None,
        until=DAY_ZERO + timedelta(days=draw(st.integers(0, days)))
        if event in _ENDING and draw(st.booleans())
        else None,
        store=draw(st.none() | st.sampled_from(("S1", "S2"))),
        score=draw(st.integers(0, 10)) if event == EventName.SURVEY_ANSWERED else None,
        rank=draw(st.sampled_from(("gold", "silver"))) if event == EventName.MEMBERSHIP_RANK_CHANGED else None,
        lines=tuple(draw(lines)) if event == EventName.ORDER_COMPLETED else (),
    )


def histories(
    *, names: Sequence[str] = EVERYTHING, days: int = 20, customers: int = 3, size: int = 40
) -> st.SearchStrategy[list[Happening]]:
    """Histories of a few customers over ``days`` days, in the order of arrival."""
    rows = st.lists(_happening(names, days, customers), max_size=size)
    return rows.map(lambda found: [replace(row, seq=seq + 1) for seq, row in enumerate(found)])


def frames(history: Iterable[Happening]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The lake's ``events`` and ``order_lines`` of a history."""
    rows = list(history)
    events = [
        {
            "seq": row.seq,
            "customer_id": row.customer,
            "event": row.event,
            "business_day": row.day,
            "occurred_at": row.at,
            "received_at": row.at,
            "source_id": 1,
            "trusted": row.trusted,
            "device_key": row.device,
            "order_key": row.order,
            "amount": row.amount,
            "coupon_id": row.coupon,
            "valid_until": row.until,
            "store": row.store,
            "rank": row.rank,
            "category": row.category,
            "score": row.score,
            "platform": row.platform,
            "campaign_id": row.campaign,
            "properties": kept_properties(row.event, dict(row.own)),
        }
        for row in rows
    ]
    lines = [
        {
            "seq": row.seq,
            "customer_id": row.customer,
            "business_day": row.day,
            "order_key": row.order,
            "product": product,
            "category": category or None,
            "quantity": quantity,
            "amount": amount,
            "brand": brand,
        }
        for row in rows
        for (category, quantity, amount), product, brand in zip_longest(row.lines, row.products, row.brands)
    ]
    return pl.LazyFrame(events, schema=EVENTS_SCHEMA), pl.LazyFrame(lines, schema=LINES_SCHEMA)


def days_of(history: Iterable[Happening]) -> pl.LazyFrame:
    """customer_days of a history, counted at once."""
    events, lines = frames(history)
    days: pl.LazyFrame = customer_days(nw.from_native(events), nw.from_native(lines)).to_native()
    return days


def random_history(seed: int, *, size: int, customers: int, days: int = 20) -> list[Happening]:
    """A larger history than Hypothesis draws, the same for the same seed."""
    draw = random.Random(seed)
    return [_drawn(draw, seq, customers, days) for seq in range(1, size + 1)]


def _drawn(draw: random.Random, seq: int, customers: int, days: int) -> Happening:
    event = str(draw.choice(EVERYTHING))
    ordered = event in _ORDERS
    amount = draw.choice((None, 0, 1, 2, 3)) if ordered else draw.randint(0, 3) if event in _POINTS else None
    lines = ((draw.choice(("tea", "milk", "")), draw.randint(1, 3), draw.randint(0, 3)) for _ in range(2))
    return Happening(
        seq=seq,
        customer=draw.randint(1, customers),
        event=event,
        at=moment(draw.randint(0, days), draw.choice((0, 600, 1439))),
        trusted=draw.random() < 0.7,
        device=draw.choice((None, 0, 1, 2)),
        order=draw.randint(0, customers) if ordered else None,
        amount=amount,
        coupon=draw.choice(("spring", "tea", "late")) if event in _COUPONS else None,
        until=DAY_ZERO + timedelta(days=draw.randint(0, days)) if event in _ENDING and draw.random() < 0.5 else None,
        store=draw.choice((None, "S1", "S2")),
        rank=draw.choice(("gold", "silver")) if event == EventName.MEMBERSHIP_RANK_CHANGED else None,
        lines=tuple(lines) if event == EventName.ORDER_COMPLETED else (),
    )
