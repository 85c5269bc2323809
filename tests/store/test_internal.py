"""Facts that Joren writes itself."""

from datetime import UTC, datetime

import asyncpg

from backend.store import internal

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


async def test_a_fact_is_written_once_about_a_customer_by_an_id_of_his(pool: asyncpg.Pool) -> None:
    person = await pool.fetchval(
        "INSERT INTO customers (user_id, created_at, born_source_id) VALUES ('u1', now(), 1) RETURNING customer_id"
    )
    for expected in (True, False):
        async with pool.acquire() as connection, connection.transaction():
            written = await internal.internal_event(
                connection, "Segment Entered", customer_id=person, properties={"segment": 3}, key="3-1", at=NOW
            )
            assert written is expected
    row = await pool.fetchrow("SELECT user_id, anonymous_id, trusted, event FROM event_log")
    assert tuple(row) == ("u1", None, True, "Segment Entered")


async def test_about_a_customer_without_any_id_nothing_can_be_written(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        assert not await internal.internal_event(connection, "X", customer_id=9, properties={}, key="1", at=NOW)
