"""Requests that were refused for good, kept for a while with their bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("refused_requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """One of them; ``size`` is what came, of which ``body`` may be the beginning."""

    refused_at: datetime
    path: str
    status: int
    code: str
    message: str
    size: int
    body: bytes


async def keep(connection: Connection, requests: Sequence[RefusedRequest]) -> None:
    """Write them down."""
    await connection.execute(
        _SQL["keep_refused"],
        [request.refused_at for request in requests],
        [request.path for request in requests],
        [request.status for request in requests],
        [request.code for request in requests],
        [request.message for request in requests],
        [request.size for request in requests],
        [request.body for request in requests],
    )


async def list_newest(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The newest ones without their bytes."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_refused"], limit)
    return records


async def get(connection: Connection, *, refused_id: int) -> asyncpg.Record | None:
    """One with its bytes."""
    return await connection.fetchrow(_SQL["get_refused"], refused_id)


async def any_since(connection: Connection, *, moment: datetime) -> bool:
    """Whether any was refused since."""
    found: bool = await connection.fetchval(_SQL["refused_since"], moment)
    return found


async def forget_before(connection: Connection, *, moment: datetime) -> None:
    """Forget what was refused before."""
    await connection.execute(_SQL["forget_refused"], moment)
