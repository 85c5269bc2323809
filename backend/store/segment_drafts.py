"""Drafts of segments' rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("segment_drafts")


async def read_draft(connection: Connection, *, segment_id: int) -> asyncpg.Record | None:
    """The draft of a segment: rule, base_version, saved_at, saved_by."""
    return await connection.fetchrow(_SQL["read_draft"], segment_id)


async def put_draft(
    connection: Connection, *, segment_id: int, rule: Mapping[str, Any], base_version: int, now: datetime, actor: str
) -> None:
    """Keep a draft in place of the one before."""
    await connection.execute(_SQL["put_draft"], segment_id, dict(rule), base_version, now, actor)


async def delete_draft(connection: Connection, *, segment_id: int) -> bool:
    """Forget a draft; False where there is none."""
    return await connection.fetchval(_SQL["delete_draft"], segment_id) is not None
