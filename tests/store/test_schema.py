"""The schema: migrating twice changes nothing, each migration locks first, and every statement of ``sql/`` prepares against it."""

import re
from itertools import accumulate
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from backend.store import queries, schema

MIGRATIONS = sorted((Path(schema.__file__).parents[1] / "migrations" / "versions").glob("*.sql"))
CHANGED = re.compile(
    r"(?:ALTER TABLE|DROP TABLE|^UPDATE|REFERENCES|INDEX \w+ ON|TRIGGER \w+ .* ON) (\w+)", re.MULTILINE
)
STATEMENTS = [(noun, name) for noun in queries.nouns() for name in queries.load(noun)]


async def test_migrating_again_changes_nothing(dsn: str, pool: asyncpg.Pool) -> None:
    await schema.migrate(dsn)
    assert await pool.fetchval("SELECT version_num FROM alembic_version") == schema.head()


def test_the_newest_file_is_what_alembic_calls_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent.parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.head()


def test_a_migration_locks_every_table_of_before_ahead_of_all_else() -> None:
    """In the midst of it, each table more is one that somebody may hold who waits for a table that it holds."""
    texts = [re.sub(r"--.*", "", file.read_text(encoding="utf-8")) for file in MIGRATIONS]
    made = accumulate((set(re.findall(r"CREATE (?:UNLOGGED )?TABLE (\w+)", text)) for text in texts), set.union)
    for file, text, before in zip(MIGRATIONS[1:], texts[1:], made, strict=False):
        changed = set(CHANGED.findall(text)) & before
        locked = re.match(r"\s*LOCK TABLE ([\w, ]+);", text)
        assert changed <= set(locked[1].split(", ") if locked else ()), file.name


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
