"""Brings a database to the schema of this release.

Alembic is loaded only where a migration is missing: it takes a second, and almost every command finds none.
"""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import asyncpg

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_SCRIPTS = Path(__file__).parent.parent / "migrations"
_LOCK = 7236841


def head() -> str:
    """The newest revision that this release knows: the files of ``versions/`` begin with theirs."""
    return max(file.name[:4] for file in (_SCRIPTS / "versions").glob("*.py") if re.match(r"\d{4}_", file.name))


async def revision(dsn: str) -> str | None:
    """The revision a database is at; None for one that was never migrated."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        return cast("str | None", await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


async def migrate(dsn: str) -> None:
    """Run the migrations that are missing. Several callers may do this at once: one runs, the others wait."""
    if await revision(dsn) != head():
        await _migrate(dsn)


def migrate_now(dsn: str) -> None:
    """`migrate` for callers without an event loop."""
    asyncio.run(migrate(dsn))


async def _migrate(dsn: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - see the module

    engine = create_async_engine(_sqlalchemy_url(dsn))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: "Connection") -> None:
    from alembic import command  # noqa: PLC0415 - see the module
    from sqlalchemy import text  # noqa: PLC0415 - see the module

    connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see the module

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _sqlalchemy_url(dsn: str) -> str:
    scheme, _, rest = dsn.partition("://")
    if scheme not in ("postgres", "postgresql"):
        message = "a database address begins with postgresql://"
        raise ValueError(message)
    return f"postgresql+asyncpg://{rest}"
