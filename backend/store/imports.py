"""The ledger of imports: which files were taken in, and how far one that stopped had come."""

from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("imports")


async def find(connection: Connection, *, kind: str, digest: bytes) -> asyncpg.Record | None:
    """The latest import of this content, finished or not."""
    return await connection.fetchrow(_SQL["find_import"], kind, digest)


async def begin(connection: Connection, *, kind: str, file_name: str, digest: bytes, now: datetime) -> int:
    """Write down that an import begins; gives its number."""
    import_id: int = await connection.fetchval(_SQL["begin_import"], kind, file_name, digest, now)
    return import_id


async def add_part(connection: Connection, *, import_id: int, part: int, stored: int, repeated: int) -> None:
    """Count part number ``part`` (from 1) as done; to be called in the transaction that stored it."""
    await connection.execute(_SQL["add_part"], import_id, part, stored, repeated)


async def finish(
    connection: Connection, *, import_id: int, now: datetime, read: int, rejected: int, rejects_file: str | None
) -> tuple[int, int]:
    """Write down that an import is done; gives how many events it stored and how many were there before."""
    record = await connection.fetchrow(_SQL["finish_import"], import_id, now, read, rejected, rejects_file)
    assert record is not None  # noqa: S101 - begun by the same caller, and never deleted
    return record["rows_stored"], record["rows_repeated"]


async def list_latest(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The latest imports, newest first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_imports"], limit)
    return records
