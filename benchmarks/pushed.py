"""Twelve weekly campaigns in a PostgreSQL of our own, as rules ask them: who was treated, and whose push was accepted."""

import asyncio
import contextlib
import multiprocessing
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from backend.embedded.postgres import EmbeddedPostgres
from backend.lake.asked_sources import Standing
from backend.store.binary_copy import PATIENCE
from backend.store.pool import open_pool
from backend.store.schema import migrate
from segments.calendar import BusinessCalendar

CAMPAIGNS = 12

_CAMPAIGN = """INSERT INTO campaigns (name, state, segment_id, content, salt, conversion_event, conversion_days, planned_at,
    created_at, created_by, changed_at)
    SELECT 'c' || n, 'sent', $1, '{}', 's', 'Order Completed', 7, $2::timestamptz - n * interval '7 days', $2, 'b', $2
    FROM generate_series(1, $3::int) AS n"""
_PEOPLE = """INSERT INTO campaign_people (campaign_id, customer_id, arm, planned_at, not_before, expires_at, changed_at)
    SELECT $1, n, CASE WHEN n % 10 = 0 THEN 'control' ELSE 'treated' END, $2, $2, $2, $2
    FROM generate_series($1 % $4::int, $3::bigint, $4::int) AS n"""
_CUSTOMER = """INSERT INTO customers (customer_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE
    SELECT 1, $1, source_id FROM sources LIMIT 1"""
_DEVICE = """INSERT INTO devices (address, address_kind, customer_id, source_id, state, first_seen, last_seen)
    SELECT 'a', 'token', 1, source_id, 'live', $1, $1 FROM sources LIMIT 1 RETURNING device_id"""
_PUSHES = """INSERT INTO deliveries (campaign_id, customer_id, device_id, state, expires_at, sent_at, changed_at)
    SELECT campaign_id, customer_id, $2, 'accepted', planned_at, planned_at, planned_at
    FROM campaign_people WHERE campaign_id = $1 AND arm = 'treated' ORDER BY customer_id"""


class Nobody:
    """What PostgreSQL would tell of a shop that sent nothing, and nobody of whose customers was merged; the clock stands."""

    def __init__(self, now: datetime) -> None:
        self._standing = Standing(
            now=now,
            calendar=BusinessCalendar("Asia/Tokyo"),
            exclude_test_accounts=True,
            thresholds=(),
            traits={},
            merge_version=0,
            survivors={},
            ledger=0,
            lists={},
        )

    async def standing(self) -> Standing:
        """The same always."""
        return self._standing


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL of our own; gives its address."""
    with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
        yield dsn


def send(dsn: str, *, customers: int, every: int, now: datetime) -> None:
    """Twelve campaigns, a week apart, each to one in ``every`` customers but for a tenth who are control.

    Written by a process of its own, so that the memory this takes is not that of whoever is measured.
    """
    writer = multiprocessing.get_context("spawn").Process(target=_send, args=(dsn, customers, every, now))
    writer.start()
    writer.join()
    if writer.exitcode:
        raise SystemExit("The campaigns could not be written.")


def _send(dsn: str, customers: int, every: int, now: datetime) -> None:
    asyncio.run(_sent(dsn, customers, every, now))


async def _sent(dsn: str, customers: int, every: int, now: datetime) -> None:
    await migrate(dsn)
    pool = await open_pool(dsn)
    segment = await pool.fetchval("INSERT INTO segments (name, created_at) VALUES ('s', $1) RETURNING segment_id", now)
    await pool.execute("INSERT INTO sources (name, kind) VALUES ('app', 'app') ON CONFLICT DO NOTHING")
    await pool.execute(_CUSTOMER, now)
    await pool.execute(_CAMPAIGN, segment, now, CAMPAIGNS)
    device = await pool.fetchval(_DEVICE, now)
    for campaign in await pool.fetch("SELECT campaign_id, planned_at FROM campaigns"):
        number = campaign["campaign_id"]
        await pool.execute(_PEOPLE, number, campaign["planned_at"], customers, every, timeout=PATIENCE)
        await pool.execute(_PUSHES, number, device, timeout=PATIENCE)
    await pool.execute("ANALYZE deliveries, campaign_people", timeout=PATIENCE)
    await pool.close()
