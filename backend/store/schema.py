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
_IN_USE = ("55P03", "40P01")
"""What PostgreSQL says (SQLSTATE) where a table was in use: no lock in time, or ended so that a deadlock does not last."""

_PATIENCE = "500ms"
"""A change of a table waits this long for those who use it; meanwhile everyone who comes after waits behind it."""
_PAUSES = (0.1, 0.2, 0.5, 1, 2, 5, 5, 5, 5, 5)
"""Seconds between tries: then those who waited get through."""


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
        for pause in (*_PAUSES, None):
            async with engine.connect() as connection:
                if await connection.run_sync(_upgrade, last=pause is None):
                    return
            await asyncio.sleep(pause or 0)
    finally:
        await engine.dispose()


def _upgrade(connection: "Connection", *, last: bool) -> bool:
    """Run what is missing; False where a table was in use for too long and there is another try to come."""
    from alembic import command  # noqa: PLC0415 - see the module
    from sqlalchemy import text  # noqa: PLC0415 - see the module
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see the module

    connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
    connection.execute(text(f"SET lock_timeout = '{_PATIENCE}'"))
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        if last or getattr(error.orig, "sqlstate", None) not in _IN_USE:
            raise
        return False
    connection.commit()
    return True


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
