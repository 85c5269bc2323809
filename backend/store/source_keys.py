"""Write keys of sources: several may be in force at a time."""

from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from backend.store.secrets import NewSecret

_SQL = queries.load("source_keys")


async def add(
    connection: Connection, *, source_id: int, secret: NewSecret, public: bool, created_by: str, now: datetime
) -> int:
    """Add a key; gives its number. A public one is kept as it is beside its hash."""
    shown = secret.text if public else None
    key_id: int = await connection.fetchval(
        _SQL["add_key"], source_id, secret.digest, shown, secret.hint, now, created_by
    )
    return key_id


async def note_use(connection: Connection, *, key_id: int, now: datetime) -> None:
    """Note when a key was used."""
    await connection.execute(_SQL["note_use"], key_id, now)


async def lock(connection: Connection, *, source_id: int) -> asyncpg.Record | None:
    """The source (source_id, name, kind, revoked_at, key_limit, address_limit), its keys held against other changes."""
    return await connection.fetchrow(_SQL["lock_source"], source_id)


async def read(connection: Connection, *, source_id: int) -> asyncpg.Record | None:
    """What `lock` gives, held by nobody."""
    return await connection.fetchrow(_SQL["read_source"], source_id)


async def find_source(connection: Connection, *, name: str) -> int | None:
    """The number of a source, also of a revoked one."""
    found: int | None = await connection.fetchval(_SQL["find_source"], name)
    return found


async def count_in_force(connection: Connection, *, source_id: int, now: datetime) -> int:
    """How many keys of a source are taken."""
    count: int = await connection.fetchval(_SQL["count_in_force"], source_id, now)
    return count


async def expire_others(connection: Connection, *, source_id: int, key_id: int, ends: datetime, now: datetime) -> None:
    """Let every other key of the source end at a moment, unless it ends before."""
    await connection.execute(_SQL["expire_others"], source_id, key_id, ends, now)


async def revoke(connection: Connection, *, source_id: int, key_id: int, now: datetime) -> str | None:
    """Refuse one key from now on; gives its hint, None where the source has no such key."""
    found = await connection.fetchrow(_SQL["revoke_key"], source_id, key_id, now)
    if found is None:
        return None
    await connection.execute(_SQL["forget_first_key"], source_id, found["key_hash"])
    return str(found["hint"])


async def set_limits(
    connection: Connection, *, source_id: int, key_limit: int | None, address_limit: int | None
) -> None:
    """Set how many events a minute a key and an address of this source may send."""
    await connection.execute(_SQL["set_limits"], source_id, key_limit, address_limit)


async def list_of(connection: Connection, *, source_id: int) -> list[asyncpg.Record]:
    """Every key of a source, the newest first; secret ones by hint only."""
    records: list[asyncpg.Record] = await connection.fetch(_SQL["list_keys"], source_id)
    return records
