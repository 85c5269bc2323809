"""The connection pool and its codecs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class _Held:
    """The connection on which a task does all its work, so that one transaction embraces it."""

    pool: asyncpg.Pool
    task: "asyncio.Task[Any] | None"
    connection: Connection


_HELD: ContextVar[_Held | None] = ContextVar("held", default=None)


class Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg comes without types
    """A pool that can lend a task the one connection it holds: see `holding`."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """A connection for the block: a free one, or the one that this task holds, in a savepoint of its own."""
        held = _HELD.get()
        if held is None or held.pool is not self or held.task is not asyncio.current_task():
            return super().acquire(timeout=timeout)
        return _savepoint(held.connection)

    @contextlib.contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """Give this task ``connection`` whenever it acquires one, while the block runs.

        So services that know nothing of each other work in the transaction that is open on it. Tasks that the block
        starts get connections of their own.
        """
        token = _HELD.set(_Held(self, asyncio.current_task(), connection))
        try:
            yield
        finally:
            _HELD.reset(token)


@contextlib.asynccontextmanager
async def _savepoint(connection: Connection) -> AsyncIterator[Connection]:
    """A failed statement spoils no more than what its borrower did, as on a connection of his own."""
    await connection.execute("SAVEPOINT held")
    try:
        yield connection
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK TO SAVEPOINT held")
        raise
    try:
        await connection.execute("RELEASE SAVEPOINT held")
    except asyncpg.InFailedSQLTransactionError:
        await connection.execute("ROLLBACK TO SAVEPOINT held")


def snapshot(connection: Connection) -> Any:
    """A transaction whose statements see one moment; where one is open already, as of a request with a key, they see what it sees."""
    return connection.transaction(isolation=None if connection.is_in_transaction() else "repeatable_read")


BRIEF = timedelta(seconds=3)
"""So long a request of the intake waits for one of its small questions; its client gives up after ten seconds."""


@contextlib.asynccontextmanager
async def briefly(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection for a small question; what is not answered in time is cut off, also by a server that stalls.

    Raises:
        TimeoutError: no connection, or no answer, within `BRIEF`.
    """
    seconds = BRIEF.total_seconds()
    async with asyncio.timeout(seconds), pool.acquire(timeout=seconds) as connection:
        yield connection


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Give a new connection the JSON codecs: ``jsonb`` and ``json`` come and go as Python values.

    Binary, so that COPY can use them too; ``msgspec.Raw`` passes through without being read.
    """
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=msgspec.json.encode, decoder=msgspec.json.decode
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )


async def open_pool(dsn: str, *, smallest: int = 1, largest: int = 10) -> Pool:
    """Open a pool whose sessions keep time in UTC and commit durably, whatever the server's defaults.

    Raises:
        OSError: when the server cannot be reached.
        asyncpg.PostgresError: when it refuses us.
    """
    pool = Pool(
        dsn,
        min_size=smallest,
        max_size=largest,
        max_queries=50_000,
        max_inactive_connection_lifetime=300,
        init_size=None,
        init=prepare_connection,
        setup=None,
        reset=None,
        connect=None,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        command_timeout=60,
        server_settings={"timezone": "UTC", "synchronous_commit": "on", "application_name": "joren"},
    )
    await pool
    return pool


class KeptConnections:
    """Connections of a pool for one who uses them again and again and leaves nothing behind in their sessions.

    They go back to the pool when something went wrong, or at the end: what the pool does between two users, so that one
    does not meet the other's leavings, costs as much as a small transaction.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._idle: list[PoolConnectionProxy] = []

    @contextlib.asynccontextmanager
    async def use(self, seconds: float) -> AsyncIterator[PoolConnectionProxy]:
        """A connection that answers as far as we know; waits ``seconds`` for one at most.

        Raises:
            TimeoutError: the pool has none.
            OSError: the server cannot be reached.
        """
        connection = self._living() or await self._pool.acquire(timeout=seconds)
        try:
            yield connection
        except BaseException:
            await self._pool.release(connection)
            raise
        self._idle.append(connection)

    def _living(self) -> PoolConnectionProxy | None:
        """One that nobody uses. The pool takes those that were lost meanwhile back by itself; they answer nothing any more."""
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(asyncpg.InterfaceError):
                if not connection.is_closed():
                    return connection
        return None

    async def give_back(self) -> None:
        """Let the pool have those that are not in use."""
        while connection := self._living():
            await self._pool.release(connection)
