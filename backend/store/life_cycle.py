"""Versions of the life-cycle thresholds in the database."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from segments.metrics.thresholds import Thresholds

_SQL = queries.load("life_cycle")


async def list_versions(connection: Connection) -> Sequence[asyncpg.Record]:
    """Every version, oldest first: the fields of `Thresholds`, derived, saved_at, saved_by."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(_SQL["list_thresholds"])
    return rows


def thresholds_of(row: asyncpg.Record) -> Thresholds:
    """What figures need of a version."""
    return Thresholds(**{name: row[name] for name in ("version", "since", "t1", "t2", "t3", "provisional")})


async def lock_versions(connection: Connection) -> None:
    """Hold off everyone else who adds a version, until the transaction ends."""
    await connection.execute(_SQL["lock_thresholds"])


async def add_version(connection: Connection, new: Thresholds, *, derived: bool, at: datetime, by: str) -> int:
    """Keep thresholds under the next number, which it gives; that of ``new`` is passed over."""
    number: int = await connection.fetchval(
        _SQL["add_thresholds"], new.since, new.t1, new.t2, new.t3, derived, new.provisional, at, by
    )
    return number
