"""The ledger of imports: which files were taken in, and how far one that stopped had come."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from backend.store import queries, webhooks
from backend.store.pool import Connection
from campaigns.notices import Notice, NoticeType

_SQL = queries.load("imports")


async def find(connection: Connection, *, kind: str, digest: bytes) -> asyncpg.Record | None:
    """The latest import of this content, finished or not."""
    return await connection.fetchrow(_SQL["find_import"], kind, digest)


async def begin(
    connection: Connection, *, kind: str, file_name: str, digest: bytes, now: datetime, actor: str = ""
) -> asyncpg.Record:
    """Write down that an import begins, and who asked for it; gives the record as `find` does."""
    record = await connection.fetchrow(_SQL["begin_import"], kind, file_name, digest, now, actor)
    assert record is not None  # noqa: S101 - an INSERT without conflict returns its row
    return record


async def claim_rows(connection: Connection, said: Sequence[tuple[UUID, bytes | None]]) -> list[bool]:
    """Which of these words are new, in their order; remembers them. To be called in the transaction that stores them.

    A word is what a row is about and a digest of what it says: it is new where nothing was said about that before, or
    something else was said last. Imports at the same time take turns.

    Args:
        connection: inside a transaction.
        said: key and content; content None for what can be said once only.
    """
    await connection.fetchrow(_SQL["take_turn"])
    keys = list({key for key, _ in said})
    known = {row["row_key"]: row["content"] for row in await connection.fetch(_SQL["list_rows"], keys)}
    last, new = dict(known), []
    for key, content in said:
        new.append(key not in last or last[key] != content)
        last[key] = content
    changed = [key for key in keys if key not in known or known[key] != last[key]]
    await connection.execute(_SQL["put_rows"], changed, [last[key] for key in changed])
    return new


async def add_part(connection: Connection, *, import_id: int, part: int, stored: int, repeated: int) -> None:
    """Count part number ``part`` (from 1) as done; to be called in the transaction that stored it."""
    await connection.execute(_SQL["add_part"], import_id, part, stored, repeated)


async def finish(
    connection: Connection,
    *,
    import_id: int,
    now: datetime,
    read: int,
    rejected: Mapping[str, int],
    rejects_file: str | None,
) -> tuple[int, int]:
    """Write down that an import is done, and let webhooks know; gives how many events it stored and how many were there before."""
    total = sum(rejected.values())
    record = await connection.fetchrow(_SQL["finish_import"], import_id, now, read, total, rejects_file, dict(rejected))
    assert record is not None  # noqa: S101 - begun by the same caller, and never deleted
    data = {"import_id": import_id, "kind": record["kind"], "read": read, "rejected": total}
    data |= {"stored": record["rows_stored"], "repeated": record["rows_repeated"]}
    await webhooks.publish(connection, Notice(NoticeType.IMPORT_FINISHED, now, data))
    return record["rows_stored"], record["rows_repeated"]


async def list_latest(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """The latest imports, newest first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_imports"], limit)
    return records
