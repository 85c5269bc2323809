"""A claim reads the rows that it takes, also right after a launch, when nobody has counted the rows of the table yet."""

from typing import Any

import asyncpg

from backend.store import deliveries as store
from tests.fixtures.shop_floor import NOON, ShopFloor

CHUNK = 50


def rows_thrown_away(node: dict[str, Any]) -> float:
    """Rows that a plan read and did not want."""
    own = node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1)
    return own + sum(rows_thrown_away(each) for each in node.get("Plans", ()))


async def test_a_claim_reads_no_more_than_it_takes_before_the_table_is_analysed(pool: asyncpg.Pool) -> None:
    floor = ShopFloor(pool)
    await floor.settings()
    await pool.execute("ALTER TABLE campaign_people SET (autovacuum_enabled = off)")
    await floor.people(2_000)
    campaign_id = await floor.launched()
    async with pool.acquire() as connection, connection.transaction():
        await store.claim_people(connection, campaign_id=campaign_id, limit=1_000, now=NOON)
        asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {store._SQL['claim_people']}"
        (told,) = await connection.fetchval(asked, campaign_id, NOON, CHUNK, False, None)
    assert told["Plan"]["Actual Rows"] == CHUNK
    assert rows_thrown_away(told["Plan"]) < CHUNK
