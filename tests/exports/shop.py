"""A shop whose exports a test orders: events in the log, customers in PostgreSQL and in a frame, history in a lake."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import polars as pl

from backend.clock import FixedClock
from backend.lake.schemas import EVENTS_SCHEMA
from backend.services.exports.desk import Exports
from backend.services.exports.writing import Origins
from campaigns.figures import CampaignReport
from segments.metrics.result import KpiResult
from segments.windows import Window
from tests.segments.rules.people import frame_of

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)


@dataclass
class Held:
    """Everything exports ask of others, held in memory."""

    rows: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    facts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EVENTS_SCHEMA))
    reports: dict[int, CampaignReport] = field(default_factory=dict)
    figures: list[KpiResult] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    since: date | None = None

    @property
    def frame(self) -> pl.LazyFrame:
        return self.rows.lazy()

    def read(self) -> "Held":
        return self

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        facts = self.facts.lazy()
        return facts if window is None else facts.filter(pl.col("business_day").is_between(window.first, window.last))

    def raw_since(self) -> date | None:
        return self.since

    async def members(self, segment_id: int) -> pl.LazyFrame:
        return self.frame.filter(pl.col("orders") > 0)

    async def known_since(self, segment_id: int) -> date | None:
        return self.since

    async def report(self, campaign_id: int) -> CampaignReport:
        return self.reports[campaign_id]

    async def kpi(self, slug: str, **asked: Any) -> KpiResult:
        self.asked.append((slug, asked))
        return next(one for one in self.figures if one.metric.slug == slug)


@dataclass
class Desk:
    """Exports on a database of their own, and what they read from."""

    pool: asyncpg.Pool
    home: Path
    held: Held = field(default_factory=Held)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    renew_every: float = 10.0

    @property
    def exports(self) -> Exports:
        held = self.held
        origins = Origins(
            lake=held, frame=held, members=held.members, known_since=held.known_since, report=held.report, kpi=held.kpi
        )
        return Exports(self.pool, self.clock, self.home, origins=origins, renew_every=self.renew_every)

    async def event(self, number: int, *, at: datetime = NOW, **fields: Any) -> None:
        """One event in the log of the source ``joren``."""
        payload = {"messageId": f"m{number}", "type": "track", "event": "Order Completed", "userId": "u1"} | fields
        await self.pool.execute(
            """INSERT INTO event_log (received_day, received_at, source_id, trusted, message_id, type, event, user_id,
                                      occurred_at, time_rule, payload)
               VALUES ($1, $2, 1, true, $3, $4, $5, $6, $7, 'given', $8)""",
            at.date(),
            at,
            payload["messageId"],
            payload["type"],
            payload["event"],
            payload["userId"],
            at,
            msgspec.Raw(msgspec.json.encode(payload)),
        )

    async def customers(self, count: int, **traits: Any) -> None:
        await self.pool.execute(
            """INSERT INTO customers (user_id, created_at, born_source_id, traits)
               SELECT 'M-' || n, $1, 1, $2 FROM generate_series(1, $3) AS n""",
            NOW,
            traits,
            count,
        )


def fact(seq: int, customer_id: int, day: date, **known: Any) -> dict[str, Any]:
    """One row of history."""
    at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    row = {"seq": seq, "customer_id": customer_id, "business_day": day, "event": "Order Completed", "source_id": 1}
    row |= {"occurred_at": at, "received_at": at, "trusted": True} | known
    return {name: row.get(name) for name in EVENTS_SCHEMA}


__all__ = ["NOW", "Desk", "Held", "fact"]
