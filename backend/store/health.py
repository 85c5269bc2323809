"""Figures about the installation itself."""

from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("health")


async def read_lag(connection: Connection) -> asyncpg.Record:
    """refreshed_at, rows_behind, oldest_waiting (received_at of the oldest event that is not in the facts)."""
    return _one(await connection.fetchrow(_SQL["read_lag"]))


async def sum_counts(connection: Connection) -> asyncpg.Record:
    """stored, repeated and failed events since the beginning."""
    return _one(await connection.fetchrow(_SQL["sum_counts"]))


async def count_deliveries(connection: Connection) -> dict[str, int]:
    """Deliveries per state."""
    return {record["state"]: record["deliveries"] for record in await connection.fetch(_SQL["count_deliveries"])}


async def count_entries(connection: Connection, *, now: datetime) -> dict[str, float]:
    """People in journeys that are ``due`` and ``aside``, how ``late`` the oldest is in seconds, events ``unread`` by triggers."""
    record = _one(await connection.fetchrow(_SQL["count_entries"], now))
    return {name: float(value or 0) for name, value in record.items()}


def _one(record: asyncpg.Record | None) -> asyncpg.Record:
    """The row of an aggregate, which always has one."""
    assert record is not None  # noqa: S101 - see above
    return record
