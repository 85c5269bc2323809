"""What the lake still tells of a person's events whose day has left the log: what happened and the facts, not every property."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from backend.lake.tables import Lake
from campaigns.timeline import Happening, event_labels, event_properties
from segments.coupons import CouponFact
from segments.reduce.days import BUCKETS
from segments.windows import Window

_DAY = timedelta(days=1)
_PROPERTIES = {"coupon_id": "coupon_id", "store": "store_id", "rank": "rank", "category": "category", "score": "score"}
"""Columns of the lake by the property that they came from."""
_COUPON_EVENTS = ("Coupon Issued", "Coupon Viewed", "Coupon Presented", "Coupon Redeemed", "Coupon Expired")
_ISSUED = "Coupon Issued"


async def fill_in(
    events: Sequence[Happening], lake: Lake, *, customer_ids: Sequence[int], sources: Mapping[int, str]
) -> list[Happening]:
    """A page of the timeline in which entries that the log no longer holds (without a name) are told by the lake."""
    missing = [event for event in events if not event.name]
    if not missing:
        return list(events)
    numbers = [event.number for event in missing]
    days = [event.at.date() for event in missing]
    window = Window(min(days) - _DAY, max(days) + _DAY)
    wanted = lake.events(window).filter(pl.col("seq").is_in(numbers), pl.col("customer_id").is_in(list(customer_ids)))
    rows = {row["seq"]: row for row in (await asyncio.to_thread(wanted.collect)).to_dicts()}
    return [event if event.name else _told(event, rows.get(event.number), sources) for event in events]


async def coupon_facts(lake: Lake, *, customer_ids: Sequence[int], upto_seq: int) -> list[CouponFact]:
    """What happened to the person's coupons up to a number of the log, oldest first.

    Of days whose events were dropped customer_days still tells how often and, of each day, the first and the last time.
    """
    events = lake.events()
    since = lake.raw_since() or date.min
    wanted = (
        events.filter(
            pl.col("business_day") >= since,
            pl.col("customer_id").is_in(list(customer_ids)),
            pl.col("seq") <= upto_seq,
            pl.col("event").is_in(_COUPON_EVENTS),
            pl.col("coupon_id").is_not_null(),
        )
        .sort("occurred_at", "seq")
        .select("coupon_id", "event", "occurred_at", "store", "valid_until")
    )
    rows = (await asyncio.to_thread(wanted.collect)).to_dicts()
    counted = await asyncio.to_thread(_counted_coupons, lake, customer_ids, upto_seq, since)
    return counted + [
        CouponFact(
            coupon_id=row["coupon_id"],
            event=row["event"],
            at=row["occurred_at"],
            store=row["store"],
            valid_until=row["valid_until"],
        )
        for row in rows
    ]


def _counted_coupons(lake: Lake, customer_ids: Sequence[int], upto_seq: int, since: date) -> list[CouponFact]:
    """The same of days before ``since``, from customer_days."""
    if since == date.min:
        return []
    own = pl.col("customer_id").is_in(list(customer_ids)) & pl.col("event").is_in(_COUPON_EVENTS)
    past = (pl.col("business_day") < since) & (pl.col("first_seq") <= upto_seq) & (pl.col("key") != "")
    days = lake.customer_days({number % BUCKETS for number in customer_ids}).filter(own & past)
    return sorted(
        (
            CouponFact(
                coupon_id=row["key"],
                event=row["event"],
                at=row["last_at"] if number else row["first_at"],
                store=None if row["event"] == _ISSUED else row["detail"] or None,
                valid_until=date.fromisoformat(row["detail"]) if row["event"] == _ISSUED and row["detail"] else None,
            )
            for row in days.collect().iter_rows(named=True)
            for number in range(row["count"])
        ),
        key=lambda fact: fact.at,
    )


def untold(event: Happening) -> Happening:
    """An entry of which only the time is known."""
    return replace(event, name="event", ja="以前の出来事", en="Earlier event")


def _told(event: Happening, row: Mapping[str, Any] | None, sources: Mapping[int, str]) -> Happening:
    if row is None:
        return untold(event)
    name = row["event"]
    ja, en = event_labels("track", name)
    if name in ("identify", "screen", "page", "alias", "group"):
        ja, en = event_labels(name, None)
    properties = {name: row[column] for column, name in _PROPERTIES.items() if row[column] is not None}
    return replace(
        event,
        name=name,
        ja=ja,
        en=en,
        trusted=row["trusted"],
        source=sources.get(row["source_id"]),
        properties=event_properties(name, {"properties": properties}),
    )
