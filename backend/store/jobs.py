"""Background jobs through PgQueuer.

A job is written by the caller's own connection: inside its transaction, so that it exists exactly when what it
is about exists. PgQueuer gives a job of a dead worker to another once its heartbeat is older than a set time.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from backend.store.pool import Connection


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
