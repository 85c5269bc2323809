"""People of a shop in a database, for benchmarks: nine in ten consented, one in five has two phones, a third got a push two days ago."""

import asyncpg
import polars as pl

from backend.clock import SystemClock
from backend.services.standing import StandingKeeper
from benchmarks.spending import Spent, spending
from campaigns.campaign import Content, Text
from tests.fixtures.shop_floor import audience_frame

CONTENT = Content(
    ja=Text("{{ 姓 }}様へ", "{{ rank | default('会員') }}の皆様に新作です"),
    en=Text("Dear {{ family_name }}", "News for {{ rank | default('members') }}"),
)

_PEOPLE = """
INSERT INTO customers (user_id, created_at, born_source_id, traits)
SELECT 'u' || n, now(), 1, jsonb_build_object('family_name', '佐藤', 'given_name', '花子', 'birthday', '1990-04-01', 'rank', 'gold')
FROM generate_series($1::int, $2::int) AS n
"""
_CONSENTS = """
INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at)
SELECT customer_id, 'marketing', 'push', customer_id % 10 <> 0, 1, now() FROM customers WHERE customer_id BETWEEN $1 AND $2
"""
_PHONES = """
INSERT INTO devices (address, address_kind, customer_id, source_id, platform, state, first_seen, last_seen, locale, time_zone)
SELECT 'phone-' || customer_id || '-' || n, 'token', customer_id, 1, 'android', 'live', now(), now(), 'ja', 'Asia/Tokyo'
FROM customers, generate_series(0, 1) AS n WHERE (n = 0 OR customer_id % 5 = 0) AND customer_id BETWEEN $1 AND $2
"""
_PUSHES = """
INSERT INTO deliveries (campaign_id, customer_id, device_id, state, sent_at, expires_at, changed_at)
SELECT 900, customer_id, customer_id, 'accepted', now() - interval '2 days', now(), now() FROM customers
WHERE customer_id % 3 = 0 AND customer_id BETWEEN $1 AND $2
"""


_AT_ONCE = 1_000_000


async def filled(pool: asyncpg.Pool, people: int) -> None:
    """Put so many people there. Triggers do not fire: nothing is kept yet that could grow old; nobody searches for names."""
    async with pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("DROP INDEX customers_user_id_begins, customers_name_begins, customers_email_begins")
        for statement in (_PEOPLE, _CONSENTS, _PHONES, _PUSHES):
            for first in range(1, people + 1, _AT_ONCE):
                await connection.execute(statement, first, min(first + _AT_ONCE - 1, people), timeout=1800)
        await connection.execute("VACUUM ANALYZE", timeout=1800)
        await connection.execute("RESET session_replication_role")


async def members_of(pool: asyncpg.Pool) -> pl.DataFrame:
    """Everybody as a segment's members."""
    last = await pool.fetchval("SELECT max(customer_id) FROM customers")
    return audience_frame(range(1, last + 1), rank="gold")


async def written(pool: asyncpg.Pool) -> Spent:
    """Write what is kept of everybody's standing."""
    _, spent = await spending(pool, StandingKeeper(pool, SystemClock()).work_until_current())
    return spent
