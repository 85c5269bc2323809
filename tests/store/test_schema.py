"""The schema: migrating twice changes nothing, and every statement of ``sql/`` prepares against it."""

import asyncpg

from backend.store import queries, schema

STATEMENTS = [(noun, name) for noun in queries.nouns() for name in queries.load(noun)]


async def test_migrating_again_changes_nothing(dsn: str, pool: asyncpg.Pool) -> None:
    await schema.migrate(dsn)
    assert await pool.fetchval("SELECT version_num FROM alembic_version") == schema.head()


async def test_every_query_prepares(pool: asyncpg.Pool) -> None:
    assert STATEMENTS
    broken = {}
    async with pool.acquire() as connection:
        for noun, name in STATEMENTS:
            try:
                await connection.prepare(queries.load(noun)[name])
            except asyncpg.PostgresError as error:
                broken[f"{noun}.{name}"] = str(error)
    assert broken == {}
