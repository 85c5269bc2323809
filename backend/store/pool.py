"""The connection pool and its codecs."""

import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy


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


async def open_pool(dsn: str, *, smallest: int = 1, largest: int = 10) -> asyncpg.Pool:
    """Open a pool whose sessions keep time in UTC and commit durably, whatever the server's defaults.

    Raises:
        OSError: when the server cannot be reached.
        asyncpg.PostgresError: when it refuses us.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=smallest,
        max_size=largest,
        init=prepare_connection,
        command_timeout=60,
        server_settings={"timezone": "UTC", "synchronous_commit": "on", "application_name": "joren"},
    )


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
        while self._idle and self._idle[-1].is_closed():
            await self._pool.release(self._idle.pop())
        connection = self._idle.pop() if self._idle else await self._pool.acquire(timeout=seconds)
        try:
            yield connection
        except BaseException:
            await self._pool.release(connection)
            raise
        self._idle.append(connection)

    async def give_back(self) -> None:
        """Let the pool have those that are not in use."""
        while self._idle:
            await self._pool.release(self._idle.pop())
