"""Twelve weekly campaigns in a PostgreSQL of our own, as rules ask them: who was treated, and whose push was accepted."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import asyncpg
import polars as pl

from backend.clock import FixedClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.lake.asked_sources import Standing
from backend.services.rule_facts import RuleFacts
from backend.store.binary_copy import PATIENCE
from campaigns.messages import Launched
from segments.calendar import BusinessCalendar

CAMPAIGNS = 12

_CAMPAIGN = """INSERT INTO campaigns (name, state, segment_id, content, salt, conversion_event, conversion_days, planned_at,
    created_at, created_by, changed_at)
    SELECT 'c' || n, 'sent', $1, '{}', 's', 'Order Completed', 7, $2::timestamptz - n * interval '7 days', $2, 'b', $2
    FROM generate_series(1, $3::int) AS n"""
_PEOPLE = """INSERT INTO campaign_people (campaign_id, customer_id, arm, planned_at, not_before, expires_at, changed_at)
    SELECT $1, n, CASE WHEN n % 10 = 0 THEN 'control' ELSE 'treated' END, $2, $2, $2, $2
    FROM generate_series($1 % $4::int, $3::bigint, $4::int) AS n"""
_DEVICE = """INSERT INTO devices (address, address_kind, customer_id, source_id, state, first_seen, last_seen)
    SELECT 'a', 'token', 1, source_id, 'live', $1, $1 FROM sources LIMIT 1 RETURNING device_id"""
_PUSHES = """INSERT INTO deliveries (campaign_id, customer_id, device_id, state, expires_at, sent_at, changed_at)
    SELECT campaign_id, customer_id, $2, 'accepted', planned_at, planned_at, planned_at
    FROM campaign_people WHERE campaign_id = $1 AND arm = 'treated' ORDER BY customer_id"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What PostgreSQL tells of a shop nobody of whose customers was merged; the clock stands. Without a database it has no campaigns."""

    now: datetime
    facts: RuleFacts | None = None

    async def standing(self) -> Standing:
        """The same always."""
        return Standing(
            now=self.now,
            calendar=BusinessCalendar("Asia/Tokyo"),
            exclude_test_accounts=True,
            thresholds=(),
            traits={},
            merge_version=0,
            survivors={},
            ledger=0,
            lists={},
        )

    async def received(self, campaigns: list[int] | None, customers: Sequence[int] | None = None) -> pl.DataFrame:
        """See `backend.lake.asked_sources.Sources`, as the others."""
        return await self._told.received(campaigns, customers)

    async def last_pushes(self, customers: Sequence[int] | None = None) -> pl.DataFrame:
        """When each was sent something last."""
        return await self._told.last_pushes(customers)

    async def launched(self, campaigns: list[int] | None) -> list[Launched]:
        """The campaigns."""
        return await self._told.launched(campaigns)

    async def arms(self, campaigns: list[int], customers: Sequence[int] | None = None) -> pl.DataFrame:
        """Who is in which arm."""
        return await self._told.arms(campaigns, customers)

    @property
    def _told(self) -> RuleFacts:
        return cast("RuleFacts", self.facts)


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL of our own; gives its address."""
    with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
        yield dsn


async def sent(pool: asyncpg.Pool, *, customers: int, every: int, now: datetime) -> Ledger:
    """Twelve campaigns, a week apart, each to one in ``every`` customers but for a tenth who are control."""
    segment = await pool.fetchval("INSERT INTO segments (name, created_at) VALUES ('s', $1) RETURNING segment_id", now)
    await pool.execute("INSERT INTO sources (name, kind) VALUES ('app', 'app') ON CONFLICT DO NOTHING")
    await pool.execute(
        "INSERT INTO customers (customer_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE SELECT 1, $1, source_id FROM sources LIMIT 1",
        now,
    )
    await pool.execute(_CAMPAIGN, segment, now, CAMPAIGNS)
    device = await pool.fetchval(_DEVICE, now)
    for campaign in await pool.fetch("SELECT campaign_id, planned_at FROM campaigns"):
        number = campaign["campaign_id"]
        await pool.execute(_PEOPLE, number, campaign["planned_at"], customers, every, timeout=PATIENCE)
        await pool.execute(_PUSHES, number, device, timeout=PATIENCE)
    await pool.execute("ANALYZE deliveries, campaign_people", timeout=PATIENCE)
    return Ledger(now, RuleFacts(pool, FixedClock(now + timedelta(hours=1))))
