"""Background jobs through PgQueuer, and who works on them.

A job is written by the caller's own connection: inside its transaction, so that it exists exactly when what it
is about exists. PgQueuer gives a job of a dead worker to another once its heartbeat is older than a set time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("jobs")


class _CallersConnection(AsyncpgDriver):
    """PgQueuer's driver on a connection of our pool, whose jsonb codec takes values where PgQueuer gives their text."""

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Run a statement; its last argument is the list of jsonb headers."""
        *plain, headers = args
        assert isinstance(headers, Sequence)  # noqa: S101 - PgQueuer's enqueue statement has this shape
        return await super().fetch(query, *plain, [msgspec.Raw(text.encode()) for text in headers])


async def enqueue(connection: Connection, name: str, payload: Any, *, once: str | None = None) -> bool:
    """Add a job inside the caller's transaction; False when one with the same ``once`` still waits or runs.

    Args:
        connection: the caller's.
        name: which job, see `backend.jobs.tasks`.
        payload: handed to the job as JSON.
        once: names the piece of work.
    """
    jobs = Queries(_CallersConnection(connection))
    made = await jobs.enqueue(
        name, msgspec.json.encode(payload), dedupe_key=None if once is None else f"{name}:{once}", on_conflict="skip"
    )
    return made[0] is not None


async def beat(
    connection: Connection, *, worker: str, started_at: datetime, now: datetime, detail: dict[str, Any]
) -> None:
    """Say that a worker lives."""
    await connection.execute(_SQL["beat"], worker, started_at, now, detail)


async def forget_worker(connection: Connection, *, worker: str) -> None:
    """A worker that ends says so itself."""
    await connection.execute(_SQL["forget_worker"], worker)


async def forget_silent_workers(connection: Connection, *, before: datetime) -> None:
    """Take workers off the list that nobody heard of since ``before``."""
    await connection.execute(_SQL["forget_silent_workers"], before)


async def list_workers(connection: Connection) -> list[asyncpg.Record]:
    """Workers and when each was last heard of, the freshest first: worker, started_at, seen_at, detail."""
    return list(await connection.fetch(_SQL["list_workers"]))
