"""Write keys of a source that take each other's place without losing an event, and how much each may send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound
from backend.store import access
from backend.store import source_keys as store
from backend.store.pool import Connection
from backend.store.secrets import NewSecret, mint

MOST_IN_FORCE = 10
"""Keys of one source that are taken at a time: more are forgotten, not rotated."""
LONGEST_OVERLAP = timedelta(days=3660)
HIGHEST_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKey:
    """One key of a source. ``write_key`` is there for apps, whose key is public; ``hint`` is the end of the key."""

    key_id: int
    write_key: str | None
    hint: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used: datetime | None

    def in_force(self, now: datetime) -> bool:
        """Whether the key is taken."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSheet:
    """A source with its keys, the newest first, and its limits in events a minute (None: the default, 0: none)."""

    source_id: int
    name: str
    kind: str
    revoked_at: datetime | None
    key_limit: int | None
    address_limit: int | None
    keys: tuple[SourceKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A key just made, shown this once where it is secret, and until when the keys before it are taken."""

    name: str
    write_key: str
    others_end_at: datetime


class SourceKeys:
    """Keys and limits of sources that have keys."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, prefixes: dict[str, str]) -> None:
        """Take the pool, the clock, and the prefix of a new key by kind of source."""
        self._pool = pool
        self._clock = clock
        self._prefixes = prefixes

    async def find(self, name: str) -> int:
        """The number of a source.

        Raises:
            NotFound: there is none of that name.
        """
        async with self._pool.acquire() as connection:
            found = await store.find_source(connection, name=name)
        if found is None:
            raise NotFound(f"There is no source named {name}.")
        return found

    async def sheet(self, source_id: int) -> SourceSheet:
        """A source with its keys.

        Raises:
            NotFound: no such source, or one that has no keys.
        """
        async with self._pool.acquire() as connection:
            source = _found(await store.read(connection, source_id=source_id), source_id)
            records = await store.list_of(connection, source_id=source_id)
        return SourceSheet(**dict(source), keys=tuple(_key(record) for record in records))

    async def rotate(self, source_id: int, *, overlap: timedelta, actor: str = "command line") -> Rotated:
        """Make a new key, taken at once; every other key is taken until ``overlap`` has passed.

        Raises:
            NotFound: no such source.
            Conflict: the source is revoked, or too many of its keys are in force.
            BadInput: the overlap is negative or longer than ten years.
        """
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise BadInput("The overlap is from 0 to 3,660 days.", code="bad_overlap", field="overlap")
        now = self._clock.now()
        ends = now + overlap
        async with self._locked(source_id) as (connection, source):
            secret = await self._add(connection, source, ends=ends, actor=actor)
            detail = {"hint": secret.hint, "others_end_at": ends.isoformat()}
            await self._audit(connection, actor, "source.rotate", source["name"], detail)
        return Rotated(name=source["name"], write_key=secret.text, others_end_at=ends)

    async def revoke(self, source_id: int, key_id: int, *, actor: str = "command line") -> None:
        """Refuse one key from now on, on every process within seconds. What it sent stays.

        Raises:
            NotFound: no such source, or no such key of it.
        """
        async with self._locked(source_id) as (connection, source):
            hint = await store.revoke(connection, source_id=source_id, key_id=key_id, now=self._clock.now())
            if hint is None:
                raise NotFound(f"The source {source['name']} has no key {key_id}.")
            detail = {"key_id": key_id, "hint": hint}
            await self._audit(connection, actor, "source.revoke_key", source["name"], detail)

    async def set_limits(
        self, source_id: int, *, key_limit: int | None, address_limit: int | None, actor: str = "command line"
    ) -> None:
        """Set how many events a minute may come by one key and from one address; running servers follow in seconds.

        Args:
            source_id: the source.
            key_limit: None for the installation's default, 0 for no limit.
            address_limit: likewise.
            actor: who asks for it.

        Raises:
            NotFound: no such source.
            BadInput: a limit that is negative or beyond `HIGHEST_LIMIT`.
        """
        for field, limit in (("key_limit", key_limit), ("address_limit", address_limit)):
            if limit is not None and not 0 <= limit <= HIGHEST_LIMIT:
                raise BadInput(f"A limit is from 0 to {HIGHEST_LIMIT}.", code="bad_limit", field=field)
        detail = {"key_limit": key_limit, "address_limit": address_limit}
        async with self._locked(source_id) as (connection, source):
            await store.set_limits(connection, source_id=source_id, **detail)
            await self._audit(connection, actor, "source.limit", source["name"], detail)

    async def _add(self, connection: Connection, source: asyncpg.Record, *, ends: datetime, actor: str) -> NewSecret:
        source_id, now = source["source_id"], self._clock.now()
        if source["revoked_at"] is not None:
            raise Conflict("This source was revoked: make another one.", code="source_revoked")
        if await store.count_in_force(connection, source_id=source_id, now=now) >= MOST_IN_FORCE:
            raise Conflict(f"{MOST_IN_FORCE} keys are in force: revoke one first.", code="too_many_keys")
        secret, public = mint(self._prefixes[source["kind"]]), source["kind"] == "app"
        key_id = await store.add(
            connection, source_id=source_id, secret=secret, public=public, created_by=actor, now=now
        )
        await store.expire_others(connection, source_id=source_id, key_id=key_id, ends=ends, now=now)
        return secret

    @asynccontextmanager
    async def _locked(self, source_id: int) -> AsyncIterator[tuple[Connection, asyncpg.Record]]:
        """A transaction that holds the source against other changes of its keys."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield connection, _found(await store.lock(connection, source_id=source_id), source_id)

    async def _audit(
        self, connection: Connection, actor: str, action: str, target: str, detail: dict[str, Any]
    ) -> None:
        await access.write_audit(
            connection, at=self._clock.now(), actor=actor, action=action, target=target, detail=detail
        )


def _found(source: asyncpg.Record | None, source_id: int) -> asyncpg.Record:
    if source is None:
        raise NotFound(f"There is no source {source_id} that has keys.")
    return source


def _key(record: asyncpg.Record) -> SourceKey:
    values = dict(record)
    return SourceKey(key_id=values.pop("source_key_id"), write_key=values.pop("public_key"), **values)
