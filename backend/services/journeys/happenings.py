"""Events of the log as triggers see them: whose they are, whether they count, and which filters they pass.

Filters mean here what they mean in a segment: they are asked of the rows that the lake gets of the same events.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from backend.lake.log import read_log
from backend.lake.rows import LakeRows, make_rows, uncategorised
from backend.store import definitions, refresh, shop
from backend.store import triggers as store
from backend.store.pool import Connection
from segments.events import EventName
from segments.reduce.trust import TAKEN_BACK, WEIGHTY
from segments.rules.behaviour import Match
from segments.rules.matching import passing

_ORDER = str(EventName.ORDER_COMPLETED)
_WEIGHTY = frozenset(WEIGHTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event.

    Attributes:
        occurrence: what it is the report of: an order's key, however often the order is reported; else its own number.
        trusted: a trusted source says so, or it does not matter who does.
        stands: it is not an unverified report of what trusted sources report.
    """

    seq: int
    customer_id: int
    name: str
    at: datetime
    occurrence: int
    trusted: bool
    stands: bool


@dataclass(slots=True)
class Happenings:
    """Some events of the log, in its order."""

    events: Sequence[Happening]
    _rows: LakeRows
    _passed: dict[tuple[str, tuple[Match, ...]], frozenset[int]] = field(default_factory=dict, init=False)

    def passes(self, happening: Happening, filters: tuple[Match, ...]) -> bool:
        """Whether an event passes filters on its properties."""
        if not filters:
            return True
        key = happening.name, filters
        if key not in self._passed:
            self._passed[key] = frozenset(_passing(self._rows, happening.name, filters))
        return happening.seq in self._passed[key]


async def understand(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Happenings:
    """What rows of `backend.store.triggers.read_events` tell."""
    settings = await shop.read_settings(connection)
    log = await asyncio.to_thread(read_log, rows, await refresh.source_kinds(connection))
    customers = pl.Series("customer_id", [row["customer_id"] for row in rows], pl.Int64)
    made = await asyncio.to_thread(
        make_rows,
        log,
        customers,
        calendar=settings.calendar,
        currency=settings.currency,
        categories=await definitions.product_categories(connection, product_ids=uncategorised(log)),
    )
    return Happenings(await _listed(connection, made), made)


async def _listed(connection: Connection, made: LakeRows) -> list[Happening]:
    told = made.events.select("seq", "customer_id", "event", "occurred_at", "trusted", "order_key")
    weighty = {*told.get_column("event").unique()} & _WEIGHTY
    verified = await verified_among(connection, weighty)
    return [
        Happening(
            seq=seq,
            customer_id=customer_id,
            name=name,
            at=at,
            occurrence=order if name == _ORDER and order is not None else seq,
            trusted=trusted or name not in _WEIGHTY,
            stands=trusted or name not in verified,
        )
        for seq, customer_id, name, at, trusted, order in told.iter_rows()
    ]


async def verified_among(connection: Connection, names: Collection[str]) -> frozenset[str]:
    """Of some events those of which a trusted source has ever reported any, or what they take back: unverified reports step back."""
    weighty = {*names} & _WEIGHTY
    if not weighty:
        return frozenset()
    asked = weighty | {TAKEN_BACK[name] for name in weighty if name in TAKEN_BACK}
    told = await store.find_verified(connection, names=asked)
    return frozenset(name for name in weighty if {name, TAKEN_BACK.get(name, name)} & told)


def _passing(rows: LakeRows, name: str, filters: tuple[Match, ...]) -> set[int]:
    kept = passing(rows.events.lazy(), rows.order_lines.lazy(), event=name, filters=filters)
    return {*kept.select("seq").collect().get_column("seq")}
