"""Exports: the ledger of what was asked for, and the rows that go into the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("exports")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: occurred from ``start`` until before ``end``, received on or after ``received_from``."""

    received_from: date
    start: datetime
    end: datetime
    names: Sequence[str] | None
    source: str | None


async def insert(
    connection: Connection, *, wish: dict[str, Any], what: str, personal: bool, by: str, now: datetime
) -> int:
    """Write down that an export is wanted; gives its number."""
    number: int = await connection.fetchval(_SQL["insert_export"], wish, what, personal, by, now)
    return number


async def list_latest(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The latest exports, newest first."""
    return list(await connection.fetch(_SQL["list_exports"], limit))


async def get(connection: Connection, *, export_id: int) -> asyncpg.Record | None:
    """One export."""
    return await connection.fetchrow(_SQL["get_export"], export_id)


async def claim(
    connection: Connection, *, attempt_id: UUID, now: datetime, leased_until: datetime
) -> asyncpg.Record | None:
    """Take the oldest export that nobody works on; None where there is none."""
    return await connection.fetchrow(_SQL["claim_export"], attempt_id, now, leased_until)


async def renew(
    connection: Connection, *, export_id: int, attempt_id: UUID, leased_until: datetime, rows: int, share: float
) -> bool:
    """Say that the work goes on and how far it is; False when somebody else has the export, or nobody shall."""
    return await connection.fetchval(_SQL["renew_export"], export_id, attempt_id, leased_until, rows, share) is not None


async def finish(
    connection: Connection,
    *,
    export_id: int,
    attempt_id: UUID,
    now: datetime,
    expires_at: datetime,
    rows: int,
    size: int,
    replaced: int,
    cut: int,
    file_name: str,
) -> bool:
    """Write down what came of it; False when this attempt no longer holds the export."""
    values = (export_id, attempt_id, now, expires_at, rows, size, replaced, cut, file_name)
    return await connection.fetchval(_SQL["finish_export"], *values) is not None


async def fail(
    connection: Connection, *, export_id: int, attempt_id: UUID, now: datetime, error: str, code: str | None
) -> bool:
    """Write down why nothing came of it; False when this attempt no longer holds the export."""
    return await connection.fetchval(_SQL["fail_export"], export_id, attempt_id, now, error, code) is not None


async def count_download(connection: Connection, *, export_id: int) -> None:
    """One more download."""
    await connection.execute(_SQL["count_download"], export_id)


async def expire(connection: Connection, *, now: datetime) -> list[str]:
    """Files whose time is over; they are no export's file any more."""
    return [row["file_name"] for row in await connection.fetch(_SQL["expire_exports"], now)]


async def withdraw(connection: Connection, *, kinds: Sequence[str]) -> list[str]:
    """End all exports of these kinds, also those being written; gives the files of all that ended, now or before."""
    await connection.execute(_SQL["withdraw_exports"], kinds)
    return [row["file_name"] for row in await connection.fetch(_SQL["list_withdrawn"], kinds)]


async def list_attempts(connection: Connection) -> set[UUID]:
    """The attempts at work."""
    return {row["attempt_id"] for row in await connection.fetch(_SQL["list_attempts"])}


async def list_files(connection: Connection) -> set[str]:
    """Names of the files that can be downloaded."""
    return {row["file_name"] for row in await connection.fetch(_SQL["list_files"])}


async def bound_events(connection: Connection, *, received_from: date) -> tuple[int, int]:
    """First and last number of the events received since a day; (1, 0) where there is none."""
    row = await connection.fetchrow(_SQL["bound_events"], received_from)
    return (1, 0) if row is None or row["least"] is None else (row["least"], row["most"])


async def list_events(connection: Connection, wanted: EventFilter, *, after: int, upto: int) -> list[asyncpg.Record]:
    """Events with numbers above ``after`` up to ``upto``, in their order."""
    rows = await connection.fetch(
        _SQL["list_events"],
        after,
        upto,
        wanted.received_from,
        wanted.start,
        wanted.end,
        wanted.names,
        wanted.source,
    )
    return list(rows)


async def list_customers(connection: Connection, *, after: int, limit: int) -> list[asyncpg.Record]:
    """Customers with numbers above ``after`` who were not merged into others."""
    return list(await connection.fetch(_SQL["list_customers"], after, limit))


async def list_these_customers(connection: Connection, *, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Some customers by number, in its order."""
    return list(await connection.fetch(_SQL["list_these_customers"], customer_ids))


async def largest_customer(connection: Connection) -> int:
    """The highest number of a customer; 0 where there is none."""
    return int(await connection.fetchval(_SQL["largest_customer"]) or 0)


async def name_sources(connection: Connection) -> dict[int, str]:
    """Names of all sources by number, revoked ones included."""
    return {row["source_id"]: row["name"] for row in await connection.fetch(_SQL["name_sources"])}
