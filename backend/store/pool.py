"""The connection pool and its codecs."""

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
