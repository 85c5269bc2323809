"""Answers kept for requests that may be repeated."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("idempotency")


async def claim(
    connection: Connection, *, api_key_id: int, key: str, fingerprint: bytes, now: datetime, patience: int
) -> bool:
    """Take a key for a request; False where it was used. Inside a transaction.

    Raises:
        asyncpg.LockNotAvailableError: a request with this key is under way, for ``patience`` milliseconds already.
    """
    await connection.execute(_SQL["be_patient"], str(patience))
    taken = await connection.fetchval(_SQL["claim_key"], api_key_id, key, fingerprint, now)
    await connection.execute(_SQL["be_patient"], "0")
    return taken is not None


async def read(connection: Connection, *, api_key_id: int, key: str) -> asyncpg.Record | None:
    """What is known of a key: fingerprint, and status, headers, body of the answer where there is one."""
    return await connection.fetchrow(_SQL["read_answer"], api_key_id, key)


async def keep(
    connection: Connection, *, api_key_id: int, key: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Keep the answer to the request that took the key."""
    await connection.execute(_SQL["keep_answer"], api_key_id, key, status, dict(headers), body)


async def free(connection: Connection, *, api_key_id: int, key: str) -> None:
    """Give a key back: its request did nothing."""
    await connection.execute(_SQL["free_key"], api_key_id, key)


async def forget(connection: Connection, *, before: datetime) -> None:
    """Remove keys that were taken before a moment."""
    await connection.execute(_SQL["forget_answers"], before)
