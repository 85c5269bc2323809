"""Public keys by which customer tokens are checked, what a source asks of tokens, and how many events had which verdict."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("customer_tokens")


async def read_ring(connection: Connection, *, source_id: int) -> list[asyncpg.Record]:
    """The source's name and mode, one row a key (kid null where it has none); no row for an unknown source."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["read_ring"], source_id)
    return records


async def read_mode(connection: Connection, *, source_id: int) -> asyncpg.Record | None:
    """Name, kind, mode and end of a source."""
    return await connection.fetchrow(_SQL["read_mode"], source_id)


async def lock_mode(connection: Connection, *, source_id: int) -> asyncpg.Record | None:
    """What `read_mode` gives, locked until the transaction ends."""
    return await connection.fetchrow(_SQL["lock_mode"], source_id)


async def set_mode(connection: Connection, *, source_id: int, mode: str) -> None:
    """Choose what a source asks of events that name a customer."""
    await connection.execute(_SQL["set_mode"], source_id, mode)


async def add_key(
    connection: Connection, *, source_id: int, kid: str, algorithm: str, public_key: str, actor: str, now: datetime
) -> None:
    """Add a public key, as PEM.

    Raises:
        asyncpg.UniqueViolationError: the source has, or had, one of this name.
    """
    await connection.execute(_SQL["add_key"], source_id, kid, algorithm, public_key, now, actor)


async def list_keys(connection: Connection, *, source_id: int) -> list[asyncpg.Record]:
    """The keys of a source: those in force first, the newest of them at the top."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_keys"], source_id)
    return records


async def count_active(connection: Connection, *, source_id: int) -> int:
    """How many keys are in force."""
    active: int = await connection.fetchval(_SQL["count_active"], source_id)
    return active


async def retire_key(connection: Connection, *, source_id: int, kid: str, actor: str, now: datetime) -> bool:
    """Refuse a key from now on; False where no such key is in force."""
    return await connection.fetchval(_SQL["retire_key"], source_id, kid, now, actor) is not None


async def touch_keys(connection: Connection, *, source_id: int, kids: Collection[str], now: datetime) -> None:
    """Note that keys are in use."""
    await connection.execute(_SQL["touch_keys"], source_id, sorted(kids), now)


async def add_counts(connection: Connection, *, counts: Mapping[tuple[int, str], int], day: date) -> None:
    """Add events by (source_id, verdict) to the counts of a received day."""
    if counts:
        pairs = sorted(counts)
        sources, verdicts = [source for source, _ in pairs], [verdict for _, verdict in pairs]
        await connection.execute(_SQL["add_counts"], sources, verdicts, [counts[pair] for pair in pairs], day)


async def fold_counts(connection: Connection) -> None:
    """Fold the counts to one row per day, source and verdict."""
    await connection.execute(_SQL["fold_counts"])


async def count_by_day(connection: Connection, *, source_id: int, since: date) -> list[asyncpg.Record]:
    """Events per received day and verdict, newest day first, the most frequent verdict of a day first."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["count_by_day"], source_id, since)
    return records
