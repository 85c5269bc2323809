"""The worker's part of imports: a file that was started is taken in, and goes on where one died.

What is started waits as a job and goes on by the ledger of `backend.services.imports.runs` after any death of its worker.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import msgspec
import structlog

from backend.clock import Clock
from backend.errors import JorenError
from backend.services.imports.runs import Imports
from backend.services.imports.uploads import IMPORT_JOB, called, find_upload, path_of
from backend.services.imports.values import Choices
from backend.store import import_uploads as store
from backend.store import jobs
from backend.store.import_shelf import Shelf
from backend.store.outages import OUTAGES
from segments.errors import FactsError
from segments.import_fields import BadMapping, Kind

SILENT = timedelta(seconds=60)
_TOLD_EVERY = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Told:
    """What a run last said of its progress."""

    step: str = ""
    done: int = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        self.step, self.done = what, round(done * 1000 / max(total, 1))


class ImportWork:
    """Takes files in."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, imports: Imports, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._imports = imports
        self._shelf = Shelf(home / "imports")

    async def take_in(self, upload_id: int) -> None:
        """Take a file in: a worker's job. Ends quietly where there is nothing to do; goes on where one died."""
        async with self._pool.acquire() as connection:
            if not await store.run(connection, upload_id=upload_id, now=self._clock.now()):
                return
        row, told = await find_upload(self._pool, upload_id), _Told()
        teller = asyncio.create_task(self._tell(upload_id, told))
        try:
            await self._run(row, told)
        except (JorenError, FactsError) as error:
            await self._fail(upload_id, error)
        except OUTAGES:
            raise  # who finds it silent has it taken up again
        except Exception:
            log.exception("import_failed", upload_id=upload_id)
            await self._fail(
                upload_id, JorenError("Something went wrong on our side; the log says what.", code="internal")
            )
        finally:
            teller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await teller

    async def recover(self) -> int:
        """Have imports taken up again whose worker is silent; gives how many."""
        taken = 0
        async with self._pool.acquire() as connection, connection.transaction():
            for upload_id in await store.list_silent(connection, since=self._clock.now() - SILENT):
                taken += await jobs.enqueue(connection, IMPORT_JOB, {"upload_id": upload_id}, once=str(upload_id))
        return taken

    async def _run(self, row: asyncpg.Record, told: _Told) -> None:
        path, choices = path_of(self._shelf, row), msgspec.convert(row["choices"], Choices)
        with called(row):
            done = await self._imports.take_in(
                Kind(row["kind"]), path, choices, actor=row["uploaded_by"], name=row["file_name"], progress=told
            )
        rejects = None if done.report.rejects_file is None else Path(done.report.rejects_file).name
        report = msgspec.to_builtins(done.report) | {"file": row["file_name"], "rejects_file": rejects}
        async with self._pool.acquire() as connection:
            await store.finish(
                connection,
                upload_id=row["upload_id"],
                report=report,
                rejects=rejects,
                import_id=done.import_id,
                now=self._clock.now(),
            )

    async def _fail(self, upload_id: int, error: JorenError | FactsError) -> None:
        code = error.code if isinstance(error, (JorenError, BadMapping)) else "failed"
        async with self._pool.acquire() as connection:
            await store.fail(connection, upload_id=upload_id, error=str(error), code=code, now=self._clock.now())

    async def _tell(self, upload_id: int, told: _Told) -> None:
        """Write down every second how far the run is: others see it, and see that we live."""
        while True:
            await asyncio.sleep(_TOLD_EVERY)
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                async with self._pool.acquire() as connection:
                    await store.note_progress(
                        connection, upload_id=upload_id, step=told.step, done=told.done, now=self._clock.now()
                    )
