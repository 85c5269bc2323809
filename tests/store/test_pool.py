"""Kept connections: the same one again while it lives, another one when it was lost, all given back at the end."""

import asyncio

import asyncpg
import pytest

from backend.store.pool import KeptConnections

WHO = "SELECT pg_backend_pid()"


async def test_the_same_connection_serves_again(pool: asyncpg.Pool) -> None:
    kept, seen = KeptConnections(pool), set()
    for _ in range(3):
        async with kept.use(5) as connection:
            seen.add(await connection.fetchval(WHO))
    assert len(seen) == 1
    await kept.give_back()
    assert pool.get_idle_size() == pool.get_size()


async def test_a_connection_lost_while_nobody_used_it_is_replaced(pool: asyncpg.Pool) -> None:
    kept = KeptConnections(pool)
    async with kept.use(5) as connection:
        first = await connection.fetchval(WHO)
    await pool.execute("SELECT pg_terminate_backend($1)", first)
    while await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", first):  # noqa: ASYNC110 - it happens in the server
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    async with kept.use(5) as connection:
        assert await connection.fetchval(WHO) != first
    await kept.give_back()


async def test_one_that_something_went_wrong_with_goes_back_to_the_pool(pool: asyncpg.Pool) -> None:
    kept = KeptConnections(pool)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with kept.use(5) as connection:
            await connection.execute("SELECT * FROM nowhere")
    assert pool.get_idle_size() == pool.get_size()
