"""Brings a database to the schema of this release."""

import asyncio
from pathlib import Path
from typing import cast

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

_SCRIPTS = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def head() -> str:
    """The newest revision that this release knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        message = "no migration found beside backend/migrations"
        raise RuntimeError(message)
    return newest


async def migrate(dsn: str) -> None:
    """Run the migrations that are missing. Several callers may do this at once: one runs, the others wait."""
    engine = create_async_engine(_sqlalchemy_url(dsn))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


async def revision(dsn: str) -> str | None:
    """The revision a database is at; None for one that was never migrated."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        return cast("str | None", await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


def migrate_now(dsn: str) -> None:
    """`migrate` for callers without an event loop."""
    asyncio.run(migrate(dsn))


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(7236841)"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sqlalchemy_url(dsn: str) -> str:
    scheme, _, rest = dsn.partition("://")
    if scheme not in ("postgres", "postgresql"):
        message = "a database address begins with postgresql://"
        raise ValueError(message)
    return f"postgresql+asyncpg://{rest}"
