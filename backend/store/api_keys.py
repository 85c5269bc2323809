"""Keys of server programs that read and steer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("api_keys")

_KNOWN_TO = timedelta(hours=1)


async def create(
    connection: Connection,
    *,
    name: str,
    key_hash: bytes,
    hint: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    created_by: str,
    now: datetime,
) -> None:
    """Add a key.

    Raises:
        asyncpg.UniqueViolationError: a key of that name exists.
    """
    await connection.execute(_SQL["create_key"], name, key_hash, hint, list(scopes), expires_at, created_by, now)


async def use(connection: Connection, *, key_hash: bytes, now: datetime) -> asyncpg.Record | None:
    """The key (api_key_id, name, scopes, request_limit) if it is known and in force; notes its use, to the hour."""
    found = await connection.fetchrow(_SQL["find_key"], key_hash, now)
    if found is not None and (found["last_used"] is None or now - found["last_used"] > _KNOWN_TO):
        await connection.execute(_SQL["note_use"], found["api_key_id"], now)
    return found


async def revoke(connection: Connection, *, name: str, now: datetime) -> bool:
    """Refuse a key from now on; False where there is none of that name."""
    return await connection.fetchval(_SQL["revoke_key"], name, now) is not None


async def set_limit(connection: Connection, *, name: str, limit: int | None) -> bool:
    """Set how many requests a minute a key may make; False where there is none of that name."""
    return await connection.fetchval(_SQL["limit_key"], name, limit) is not None


async def list_all(connection: Connection) -> list[asyncpg.Record]:
    """Every key by name, with its last use; never the key."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_keys"])
    return records
