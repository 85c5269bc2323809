"""The schema: migrating twice changes nothing, and every statement of ``sql/`` prepares against it."""

from typing import TYPE_CHECKING

import pytest

from backend.store import queries, schema

if TYPE_CHECKING:
    import asyncpg

STATEMENTS = [(noun, name) for noun in queries.nouns() for name in queries.load(noun)]


async def test_migrating_again_changes_nothing(dsn: str, pool: "asyncpg.Pool") -> None:
    await schema.migrate(dsn)
    assert await pool.fetchval("SELECT version_num FROM alembic_version") == schema.head()


@pytest.mark.parametrize(("noun", "name"), STATEMENTS)
async def test_every_query_prepares(pool: "asyncpg.Pool", noun: str, name: str) -> None:
    async with pool.acquire() as connection:
        await connection.prepare(queries.load(noun)[name])
