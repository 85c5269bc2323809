"""Background jobs through PgQueuer.

A job is written by the caller's own connection: inside its transaction, so that it exists exactly when what it
is about exists. PgQueuer gives a job of a dead worker to another once its heartbeat is older than a set time.
It is loaded with the first job: with its own command line it takes a quarter of a second, and most commands write none.
"""

from typing import Any

import msgspec

from backend.store.pool import Connection


async def enqueue(connection: Connection, name: str, payload: Any, *, once: str | None = None) -> bool:
    """Add a job inside the caller's transaction; False when one with the same ``once`` still waits or runs.

    Args:
        connection: the caller's.
        name: which job, see `backend.jobs.tasks`.
        payload: handed to the job as JSON.
        once: names the piece of work.
    """
    from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415 - see the module

    from backend.store.job_connection import CallersConnection  # noqa: PLC0415 - see the module

    jobs = Queries(CallersConnection(connection))
    made = await jobs.enqueue(
        name, msgspec.json.encode(payload), dedupe_key=None if once is None else f"{name}:{once}", on_conflict="skip"
    )
    return made[0] is not None
