"""Sources of events: their keys, what came from them, and what failed."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from backend.clock import Clock
from backend.errors import BadInput, Conflict, NotFound, Unavailable
from backend.store import access, source_keys
from backend.store import events as event_store
from backend.store import sources as store
from backend.store.outages import OUTAGES
from backend.store.pool import briefly
from backend.store.secrets import digest, mint

LONGEST_NAME = 100
_REMEMBERED = 10_000
_USE_KNOWN_TO = timedelta(minutes=10)


class SourceKind(StrEnum):
    """Where a source's key lives, and so how far its events are trusted."""

    APP = "app"
    """In an app that anybody can take apart: the key is public, its events are not trusted."""
    SERVER = "server"
    """On the shop's own machines: the key is a secret, its events are trusted."""
    IMPORT = "import"
    SYSTEM = "system"

    @property
    def trusted(self) -> bool:
        """Whether the source proves by a secret who it is."""
        return self is not SourceKind.APP


KEY_PREFIX = {SourceKind.APP: "joren_app_", SourceKind.SERVER: "joren_srv_"}
"""A key says what it is, so that a scanner of published code finds the secret ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source that a key or a name stands for.

    Attributes:
        source_id: its number.
        name: how people call it.
        kind: where its keys live.
        key_id: the key it came with; None where it was found by name.
        key_limit: events a minute by one key; None for the installation's default, 0 for no limit.
        address_limit: events a minute from one client address, likewise.
    """

    source_id: int
    name: str
    kind: SourceKind
    key_id: int | None = None
    key_limit: int | None = None
    address_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source just made; a server's ``write_key`` is shown here and never again."""

    source_id: int
    name: str
    kind: SourceKind
    write_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceVolumes:
    """One row of the list of sources. ``write_key``, the newest in force, is there for apps only, whose key is public."""

    source_id: int
    name: str
    kind: SourceKind
    write_key: str | None
    created_at: datetime
    revoked_at: datetime | None
    stored: int
    repeated: int
    failed: int
    last_seen: datetime | None


class Sources:
    """Keeps sources and tells whose a key is.

    A key that was found is remembered for ``remember``; so long one that was revoked or ended may still be taken.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, remember: timedelta = timedelta(seconds=2)) -> None:
        self._pool = pool
        self._clock = clock
        self._remember = remember
        self._known: dict[str, tuple[datetime, Source]] = {}
        self._asking: dict[str, asyncio.Task[Source | None]] = {}

    async def create(self, name: str, *, kind: str = SourceKind.APP, actor: str = "command line") -> NewSource:
        """Make a source and its first write key.

        Raises:
            BadInput: the name is empty or too long, or the kind has no keys.
            Conflict: the name is taken, also by a revoked source.
        """
        name, right_kind = _fitting(name, kind)
        secret, now, public = mint(KEY_PREFIX[right_kind]), self._clock.now(), right_kind is SourceKind.APP
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                source_id = await store.create(connection, name=name, kind=right_kind, now=now)
                await source_keys.add(
                    connection, source_id=source_id, secret=secret, public=public, created_by=actor, now=now
                )
                detail = {"kind": right_kind, "hint": secret.hint}
                await access.write_audit(
                    connection, at=now, actor=actor, action="source.create", target=name, detail=detail
                )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"A source named {name} exists already; choose another name.", field="name") from None
        return NewSource(source_id=source_id, name=name, kind=right_kind, write_key=secret.text)

    async def identify(self, write_key: str) -> Source | None:
        """The source of a key; None for a key that is unknown or revoked.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self._clock.now()
        remembered = self._known.get(write_key)
        if remembered and now - remembered[0] < self._remember:
            return remembered[1]
        self._known.pop(write_key, None)
        source = await asyncio.shield(self._asking.get(write_key) or self._ask(write_key))
        if source is not None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[write_key] = (now, source)
        return source

    def _ask(self, write_key: str) -> "asyncio.Task[Source | None]":
        """Look a key up once for all requests that wait for it: a busy app's key is asked for by hundreds at a time."""
        asking = asyncio.create_task(self._look_up(write_key))
        self._asking[write_key] = asking
        asking.add_done_callback(lambda task: self._answered(write_key, task))
        return asking

    def _answered(self, write_key: str, task: "asyncio.Task[Source | None]") -> None:
        del self._asking[write_key]
        if not task.cancelled():
            task.exception()  # whoever waits is told of it; nobody may be left

    async def _look_up(self, write_key: str) -> Source | None:
        try:
            async with briefly(self._pool) as connection:
                now = self._clock.now()
                record = await store.find_by_key(connection, key_hash=digest(write_key), now=now)
                if record is not None and _is_stale(record["last_used"], now):
                    await source_keys.note_use(connection, key_id=record["key_id"], now=now)
        except OUTAGES as error:
            raise Unavailable("The database does not answer. Send this again later.") from error
        return None if record is None else _source(record)

    async def named(self, name: str) -> Source:
        """The source of a name; ``import`` and ``joren`` always exist.

        Raises:
            NotFound: no such source, or it was revoked.
        """
        async with self._pool.acquire() as connection:
            record = await store.find_by_name(connection, name=name)
        if record is None:
            raise NotFound(f"There is no source named {name}.")
        return _source(record)

    async def revoke(self, name: str, *, actor: str = "command line") -> None:
        """Refuse every key of the source from now on, on every process within seconds. What it sent stays.

        Raises:
            NotFound: no source of that name has a key.
        """
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.revoke(connection, name=name, now=now):
                raise NotFound(f"There is no source named {name} that has a key.")
            await access.write_audit(connection, at=now, actor=actor, action="source.revoke", target=name, detail={})
        self._known.clear()

    async def list(self) -> tuple[SourceVolumes, ...]:
        """Every source with its volumes, oldest first."""
        async with self._pool.acquire() as connection:
            records = await store.list_all(connection, now=self._clock.now())
        return tuple(_volumes(record) for record in records)

    async def failures(self) -> dict[str, int]:
        """How many failed events wait, per code of `segments.failures`."""
        async with self._pool.acquire() as connection:
            records = await event_store.count_failed_by_code(connection)
        return {record["code"]: record["failed"] for record in records}


def _fitting(name: str, kind: str) -> tuple[str, SourceKind]:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
        raise BadInput(f"A source's name has 1 to {LONGEST_NAME} characters.", field="name")
    if kind not in (SourceKind.APP, SourceKind.SERVER):
        raise BadInput("A source with a key is of kind app or server.", field="kind")
    return name, SourceKind(kind)


def _is_stale(last_used: datetime | None, now: datetime) -> bool:
    return last_used is None or now - last_used > _USE_KNOWN_TO


def _source(record: asyncpg.Record) -> Source:
    values = {name: record[name] for name in Source.__slots__ if name in record}
    return Source(**values | {"kind": SourceKind(record["kind"])})


def _volumes(record: asyncpg.Record) -> SourceVolumes:
    return SourceVolumes(
        source_id=record["source_id"],
        name=record["name"],
        kind=SourceKind(record["kind"]),
        write_key=record["public_key"],
        created_at=record["created_at"],
        revoked_at=record["revoked_at"],
        stored=record["stored"],
        repeated=record["repeated"],
        failed=record["failed"],
        last_seen=record["last_seen"],
    )
