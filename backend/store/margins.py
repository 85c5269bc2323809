"""Versions of the margin rates in the database. They are added to and never changed."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from segments.metrics.margin_rates import MarginRates

_SQL = queries.load("margins")


async def list_versions(connection: Connection) -> Sequence[asyncpg.Record]:
    """Every version, oldest first: version, valid_from, default_rate, categories, saved_at, saved_by."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(_SQL["list_margin_rates"])
    return rows


def rates_of(row: asyncpg.Record) -> MarginRates:
    """What figures need of a version."""
    return MarginRates(
        version=row["version"],
        valid_from=row["valid_from"],
        default=row["default_rate"],
        categories=tuple(sorted(row["categories"].items())),
    )


async def lock_versions(connection: Connection) -> None:
    """Hold off everyone else who adds a version, until the transaction ends."""
    await connection.execute(_SQL["lock_margin_rates"])


async def add_version(connection: Connection, new: MarginRates, *, at: datetime, by: str) -> int:
    """Keep rates under the next number, which it gives; that of ``new`` is passed over."""
    number: int = await connection.fetchval(
        _SQL["add_margin_rates"], new.valid_from, new.default, dict(new.categories), at, by
    )
    return number
