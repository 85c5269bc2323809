"""The schema: migrating twice changes nothing, and every statement of ``sql/`` prepares against it."""

from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from backend.store import queries, schema

STATEMENTS = [(noun, name) for noun in queries.nouns() for name in queries.load(noun)]


async def test_migrating_again_changes_nothing(dsn: str, pool: asyncpg.Pool) -> None:
    await schema.migrate(dsn)
    assert await pool.fetchval("SELECT version_num FROM alembic_version") == schema.head()


def test_the_newest_file_is_what_alembic_calls_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent.parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.head()


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
