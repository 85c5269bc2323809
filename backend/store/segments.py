"""Segments and the versions of their rules. Rules come and go as JSON documents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("segments")


async def list_segments(connection: Connection, *, archived: bool = False) -> list[asyncpg.Record]:
    """All segments with their present rules, by name; archived ones, last, only on request."""
    return list(await connection.fetch(_SQL["list_segments"], archived))


async def get_segment(connection: Connection, *, segment_id: int, version: int | None = None) -> asyncpg.Record | None:
    """A segment with one version of its rule, the present one by default."""
    return await connection.fetchrow(_SQL["get_segment"], segment_id, version)


async def find_segment(connection: Connection, *, name: str) -> int | None:
    """The number of the segment of a name."""
    found: int | None = await connection.fetchval(_SQL["find_segment"], name)
    return found


async def lock_segment(connection: Connection, *, segment_id: int) -> asyncpg.Record | None:
    """The bare segment, locked until the transaction ends."""
    return await connection.fetchrow(_SQL["lock_segment"], segment_id)


async def insert_segment(connection: Connection, *, name: str, now: datetime) -> int:
    """Add a segment without a rule yet, and return its number.

    Raises:
        asyncpg.UniqueViolationError: when the name is taken.
    """
    return int(await connection.fetchval(_SQL["insert_segment"], name, now))


async def insert_version(
    connection: Connection, *, segment_id: int, version: int, rule: Mapping[str, Any], now: datetime, actor: str
) -> None:
    """Add a version of a segment's rule."""
    await connection.execute(_SQL["insert_version"], segment_id, version, dict(rule), now, actor)


async def set_name_and_version(connection: Connection, *, segment_id: int, name: str, version: int) -> None:
    """Name a segment and the version that is in force.

    Raises:
        asyncpg.UniqueViolationError: when the name is taken.
    """
    await connection.execute(_SQL["set_name_and_version"], segment_id, name, version)


async def set_archived(connection: Connection, *, segment_id: int, at: datetime | None) -> None:
    """Put a segment away from a moment on, or take it back with None."""
    await connection.execute(_SQL["set_archived"], segment_id, at)


async def list_versions(connection: Connection, *, segment_id: int) -> list[asyncpg.Record]:
    """Every version of a segment's rule, newest first."""
    return list(await connection.fetch(_SQL["list_versions"], segment_id))
