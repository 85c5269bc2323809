"""Tests of campaigns whose variants are compared before the rest gets one: when they are decided, and what was."""

from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("campaign_tests")


async def declare(connection: Connection, *, campaign_id: int, due_at: datetime) -> None:
    """Keep when a campaign's test is decided; the first word stays."""
    await connection.execute(_SQL["declare_test"], campaign_id, due_at)


async def list_open(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Tests whose moment has come: ``campaign_id``, ``due_at``."""
    return list(await connection.fetch(_SQL["list_open"], now))


async def decide(
    connection: Connection,
    *,
    campaign_id: int,
    variant: str | None,
    decision: dict[str, Any],
    as_of: datetime,
    now: datetime,
) -> bool:
    """Keep what was decided; gives whether nobody had before."""
    kept = await connection.fetchval(_SQL["decide"], campaign_id, now, as_of, variant, decision)
    return kept is not None
