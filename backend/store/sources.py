"""Sources of events: where they come from, and by which key a request shows it."""

from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("sources")


async def create(connection: Connection, *, name: str, kind: str, now: datetime) -> int:
    """Add a source; gives its number.

    Raises:
        asyncpg.UniqueViolationError: a source of that name exists, revoked or not.
    """
    source_id: int = await connection.fetchval(_SQL["create_source"], name, kind, now)
    return source_id


async def ensure_keyless(connection: Connection, *, name: str, now: datetime) -> asyncpg.Record:
    """The source of a name, made as a server's without a key where there is none (source_id, kind, revoked_at)."""
    await connection.execute(_SQL["add_keyless"], name, now)
    row = await connection.fetchrow(_SQL["find_any"], name)
    assert row is not None  # noqa: S101 - it was there or was made
    return row


async def find_by_key(connection: Connection, *, key_hash: bytes, now: datetime) -> asyncpg.Record | None:
    """The source of a key with its limits, and the key's number and last use, if both are in force."""
    return await connection.fetchrow(_SQL["find_by_key"], key_hash, now)


async def find_by_name(connection: Connection, *, name: str) -> asyncpg.Record | None:
    """The source of a name (source_id, name, kind), if it is not revoked; ``import`` and ``joren`` always exist."""
    return await connection.fetchrow(_SQL["find_by_name"], name)


async def revoke(connection: Connection, *, name: str, now: datetime) -> bool:
    """Refuse a source's key from now on; False where no such source has a key."""
    return await connection.fetchval(_SQL["revoke_source"], name, now) is not None


async def list_all(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Every source with its volumes and when it was last heard of."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_sources"], now)
    return records
