"""The door for events in bulk keeps what the other door keeps."""

from datetime import UTC, datetime

import asyncpg
import polars as pl
import pytest

from backend.services.event_volumes import EventVolumes
from backend.store import staged_events
from backend.store.staged_events import COLUMNS, append_staged
from segments.envelope import event_id_of

NOW = datetime(2026, 4, 2, 23, 30, tzinfo=UTC)


def rows(*message_ids: str, source_id: int = 2) -> pl.DataFrame:
    return pl.DataFrame({
        "position": range(len(message_ids)),
        "event_id": [event_id_of(source_id, each).hex for each in message_ids],
        "source_id": source_id,
        "trusted": True,
        "message_id": message_ids,
        "type": ["identify" if each.startswith("i") else "track" for each in message_ids],
        "event": [None if each.startswith("i") else "Store Visited" for each in message_ids],
        "user_id": "u",
        "anonymous_id": pl.Series([None] * len(message_ids), dtype=pl.String),
        "occurred_at": [datetime(2026, 4, 1, tzinfo=UTC)] * len(message_ids),
        "payload": ['{"text": "say \\"hi\\", 店\\n"}'] * len(message_ids),
    }).select(COLUMNS)  # fmt: skip


async def test_each_id_is_stored_once_in_the_given_order_and_counted(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        async with connection.transaction():
            first = await append_staged(connection, rows("z", "a", "z", "i1"), received_at=NOW)
        async with connection.transaction():
            second = await append_staged(connection, rows("a", "b"), received_at=NOW)
    assert (first.stored, first.repeated, second.stored, second.repeated) == (3, 1, 1, 1)
    log = await pool.fetch("SELECT * FROM event_log ORDER BY seq")
    assert [row["message_id"] for row in log] == ["z", "a", "i1", "b"]
    assert {(row["received_at"], str(row["received_day"]), row["trusted"]) for row in log} == {
        (NOW, "2026-04-02", True)
    }
    assert log[0]["payload"] == {"text": 'say "hi", 店\n'}
    assert log[0]["anonymous_id"] is None
    counts = {row.name: (row.stored, row.repeated) for row in await EventVolumes(pool).totals()}
    assert counts == {"Store Visited": (3, 2), "identify": (1, 0)}
    assert await pool.fetchval("SELECT count(*) FROM staged_events") == 0


async def plan_of_moving(pool: asyncpg.Pool) -> str:
    """The plan for ten thousand rows, after autovacuum noted that the part before was taken away."""
    many = rows(*(f"m{number}" for number in range(10_000)))
    async with pool.acquire() as connection, connection.transaction():
        await staged_events.stage(connection, many)
    await pool.execute("DELETE FROM staged_events")
    await pool.execute("VACUUM (ANALYZE, TRUNCATE off) staged_events")
    async with pool.acquire() as connection, connection.transaction():
        await staged_events.stage(connection, many)
        plan = await connection.fetch(f"EXPLAIN {staged_events._SQL['move_staged']}", NOW)
    return "\n".join(line[0] for line in plan)


async def test_a_large_part_is_not_compared_row_by_row(pool: asyncpg.Pool) -> None:
    assert "Nested Loop" not in await plan_of_moving(pool)


async def test_the_plan_shows_a_table_that_was_thought_empty(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncounted = {**staged_events._SQL, "count_staging": "SELECT 1"}
    monkeypatch.setattr(staged_events, "_SQL", uncounted)
    assert "Nested Loop" in await plan_of_moving(pool)


async def test_a_rolled_back_transaction_leaves_nothing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await append_staged(connection, rows("a"), received_at=NOW)
        await transaction.rollback()
        async with connection.transaction():
            assert (await append_staged(connection, rows("a"), received_at=NOW)).stored == 1


async def test_both_doors_know_each_others_ids(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await append_staged(connection, rows("a"), received_at=NOW)
        claimed = await connection.fetchval("SELECT event_id FROM event_ids")
    assert claimed == event_id_of(2, "a")
