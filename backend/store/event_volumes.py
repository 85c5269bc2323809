"""How much came of each event, what it broke, and what its properties look like."""

from datetime import date

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("event_volumes")


async def count_days(
    connection: Connection, *, since: date, source_id: int | None = None, name: str | None = None
) -> list[asyncpg.Record]:
    """Stored, repeated, failed and violated events per name and received day (UTC)."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["count_days"], since, source_id, name)
    return records


async def count_violations(connection: Connection, *, name: str, source_id: int | None = None) -> list[asyncpg.Record]:
    """What stored events of a name break, most frequent first, as far back as the log reaches."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["count_violations"], name, source_id)
    return records


async def sample_event(
    connection: Connection, *, name: str, source_id: int | None = None, limit: int, depth: int
) -> list[asyncpg.Record]:
    """Properties of the latest events of a name among the newest ``depth`` rows of the log."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["sample_event"], name, source_id, limit, depth)
    return records
