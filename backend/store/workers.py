"""Worker processes and when each was last heard of."""

from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("workers")


async def beat(
    connection: Connection, *, worker: str, started_at: datetime, now: datetime, detail: dict[str, Any]
) -> None:
    """Say that a worker lives."""
    await connection.execute(_SQL["beat"], worker, started_at, now, detail)


async def forget(connection: Connection, *, worker: str) -> None:
    """A worker that ends says so itself."""
    await connection.execute(_SQL["forget"], worker)


async def forget_silent(connection: Connection, *, before: datetime) -> None:
    """Take workers off the list that nobody heard of since ``before``."""
    await connection.execute(_SQL["forget_silent"], before)


async def list_all(connection: Connection) -> list[asyncpg.Record]:
    """Workers and when each was last heard of, the freshest first: worker, started_at, seen_at, detail."""
    return list(await connection.fetch(_SQL["list_all"]))
