"""Tracking plans of sources, every version of them, and what a source does with a violation."""

from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("plans")


async def read_rules(connection: Connection, *, source_id: int, known: int | None) -> asyncpg.Record | None:
    """What the door needs (plan_version, on_violation, ga4_names, document); the document only for another than ``known``."""
    return await connection.fetchrow(_SQL["read_rules"], source_id, known)


async def list_plans(connection: Connection, *, source_id: int | None = None) -> list[asyncpg.Record]:
    """Every source, or one, with the plan in force where it has one."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_plans"], source_id)
    return records


async def lock_source(connection: Connection, *, source_id: int) -> asyncpg.Record | None:
    """The source's decisions, held until the transaction ends."""
    return await connection.fetchrow(_SQL["lock_source"], source_id)


async def add_version(connection: Connection, *, source_id: int, document: Any, now: datetime, actor: str) -> int:
    """Keep a plan as the source's next version and put it in force; gives its number."""
    version: int = await connection.fetchval(_SQL["add_version"], source_id, document, now, actor)
    await connection.execute(_SQL["enforce_version"], source_id, version)
    return version


async def drop(connection: Connection, *, source_id: int) -> None:
    """Put no plan in force. The versions stay."""
    await connection.execute(_SQL["enforce_version"], source_id, None)


async def decide(connection: Connection, *, source_id: int, on_violation: str, ga4_names: bool) -> None:
    """What becomes of a violation, and whether GA4's names are taken for ours."""
    await connection.execute(_SQL["decide"], source_id, on_violation, ga4_names)


async def list_versions(connection: Connection, *, source_id: int, limit: int) -> list[asyncpg.Record]:
    """The latest versions without their documents, newest first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_versions"], source_id, limit)
    return records


async def get_version(connection: Connection, *, source_id: int, version: int) -> Any:
    """One version's document; None where there is none."""
    return await connection.fetchval(_SQL["get_version"], source_id, version)
