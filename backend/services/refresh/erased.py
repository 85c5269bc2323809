"""What came of persons who were erased, by whatever way: it leaves the log before anything is made of it."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec

from backend.store import erasures
from backend.store.pool import Connection
from segments.erasure import digest_of


class _Alias(msgspec.Struct, frozen=True):
    previousId: Any = None  # noqa: N815 - the protocol's name


async def without_erased(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """The rows of a batch that name no erased person; the others are deleted from the log."""
    key = await erasures.read_key(connection)
    if key is None:
        return list(rows)
    digests = {value: digest_of(key, value) for row in rows for value in _ids(row)}
    erased = await erasures.match(connection, digests=list(digests.values())) if digests else frozenset[bytes]()
    if not erased:
        return list(rows)
    gone = [row["seq"] for row in rows if any(digests[value] in erased for value in _ids(row))]
    await erasures.delete_events(connection, seqs=gone)
    left = set(gone)
    return [row for row in rows if row["seq"] not in left]


def _ids(row: asyncpg.Record) -> Iterable[str]:
    named = (row["user_id"], row["anonymous_id"], _previous(row) if row["type"] == "alias" else None)
    return (value for value in named if value)


def _previous(row: asyncpg.Record) -> str | None:
    previous = msgspec.json.decode(row["payload"], type=_Alias).previousId
    return previous if isinstance(previous, str) else None
