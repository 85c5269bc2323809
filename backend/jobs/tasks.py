"""Jobs by name, and the loop that works on them with PgQueuer.

PgQueuer marks a job picked with a heartbeat; when the worker dies the heartbeat stops, and after `DEAD` another
worker picks the job again. So every job here may run twice and must not mind.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import asyncpg
import msgspec
from pgqueuer import PgQueuer
from pgqueuer.models import Job

from backend.services.campaign_desk.approvals import LAUNCH_JOB
from backend.services.imports.uploads import IMPORT_JOB
from backend.services.imports.work import ImportWork

DEAD = timedelta(seconds=30)
"""A job whose worker has not been heard of for so long is given to another."""

Launch: TypeAlias = Callable[[int], Awaitable[bool]]
"""Launches the campaign of a number if it is due."""


async def work_on_jobs(dsn: str, stop: asyncio.Event, *, launch: Launch, import_work: ImportWork | None = None) -> int:
    """Take jobs until ``stop`` is set. Raises when its connection is lost: the loop around it begins anew.

    Without ``import_work``, imports wait for a worker that has one.
    """
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "joren jobs", "timezone": "UTC"})
    try:
        queue = PgQueuer.from_asyncpg_connection(connection)
        _register(queue, launch=launch, import_work=import_work)
        watcher = asyncio.create_task(_shut_down(queue, stop))
        try:
            await queue.run(
                dequeue_timeout=timedelta(seconds=10), heartbeat_timeout=DEAD, shutdown_on_listener_failure=True
            )
        finally:
            watcher.cancel()
    finally:
        await connection.close(timeout=5)
    return 0


async def _shut_down(queue: PgQueuer, stop: asyncio.Event) -> None:
    await stop.wait()
    queue.shutdown.set()


def _register(queue: PgQueuer, *, launch: Launch, import_work: ImportWork | None) -> None:
    @queue.entrypoint(LAUNCH_JOB)
    async def launch_campaign(job: Job) -> None:
        payload = msgspec.json.decode(job.payload or b"{}")
        await launch(payload["campaign_id"])

    if import_work is None:
        return

    @queue.entrypoint(IMPORT_JOB, concurrency_limit=1)
    async def import_file(job: Job) -> None:
        payload = msgspec.json.decode(job.payload or b"{}")
        await import_work.take_in(payload["upload_id"])
