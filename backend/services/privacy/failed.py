"""Failed events of erased persons: they are removed before a replay makes events of them."""

from collections.abc import Sequence

import asyncpg

from backend.store import erasures as store
from backend.store import failed_events
from backend.store.pool import Connection
from segments.erasure import digest_of, ids_in_bytes, without_gone


async def keep_left(connection: Connection, row: asyncpg.Record, left: bytes | None) -> int:
    """Keep what is left of a failed event (failed_id, raw), or nothing; gives 1 where that is less than before."""
    if left is None:
        return await store.delete_failed(connection, failed_ids=[row["failed_id"]])
    if left == row["raw"]:
        return 0
    await failed_events.shorten_failed(connection, failed_id=row["failed_id"], raw=left)
    return 1


async def forget_failed(connection: Connection, rows: Sequence[asyncpg.Record]) -> int:
    """Remove what names an erased person from failed events (failed_id, raw); gives how many had such."""
    key = await store.read_key(connection)
    if key is None:
        return 0
    digests = {value: digest_of(key, value) for row in rows for value in ids_in_bytes(row["raw"])}
    erased = await store.match(connection, digests=list(digests.values())) if digests else frozenset[bytes]()
    if not erased:
        return 0
    gone = {value for value, digest in digests.items() if digest in erased}
    changed = 0
    for row in rows:
        left = without_gone(row["raw"], is_gone=lambda raw: bool(ids_in_bytes(raw) & gone))
        changed += await keep_left(connection, row, left)
    return changed
