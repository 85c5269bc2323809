"""Imports from the admin pages: files are uploaded, looked at, started, followed; a worker does the work.

What is started waits as a job and goes on by the ledger of `backend.services.imports.runs` after any death of its worker.
"""

import asyncio
import contextlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import msgspec
import structlog

from backend.clock import Clock
from backend.errors import Conflict, JorenError, NotFound
from backend.services.imports.runs import Imports
from backend.services.imports.values import Choices, FileLook, ImportReport, Preview
from backend.store import access, import_files, jobs
from backend.store import import_uploads as store
from backend.store.import_shelf import Shelf
from backend.store.outages import OUTAGES
from backend.store.pool import Connection
from segments.errors import FactsError
from segments.import_fields import BadMapping, Kind

IMPORT_JOB = "import_file"
KEPT = timedelta(days=14)
"""How long an uploaded file and its rejected rows are kept after the last thing that happened to them."""

SILENT = timedelta(seconds=60)
_TOLD_EVERY = 1.0
_LONGEST_NAME = 200
_ORPHAN = timedelta(days=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An uploaded file.

    Attributes:
        file_name: as the person called it; never a path.
        kept: whether the file is still there.
        state: uploaded, waiting, running, done or failed.
        step: what is being done, ``done`` thousandths of it.
        rejects: whether there is a file of rejected rows.
    """

    upload_id: int
    kind: Kind
    file_name: str
    size: int
    uploaded_at: datetime
    uploaded_by: str
    kept: bool
    state: str
    choices: Choices
    changed_at: datetime
    step: str
    done: int
    report: ImportReport | None
    error: str | None
    error_code: str | None
    rejects: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PastImport:
    """One line of the history; without ``upload_id`` it came by the command line."""

    upload_id: int | None
    kind: str
    file_name: str
    asked_by: str
    at: datetime
    state: str
    read: int
    stored: int
    repeated: int
    rejected: int


@dataclass(slots=True)
class _Told:
    """What a run last said of its progress."""

    step: str = ""
    done: int = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        self.step, self.done = what, round(done * 1000 / max(total, 1))


class ImportDesk:
    """What a person can do with files. Every change is audited under the name in ``actor``."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, imports: Imports, home: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._imports = imports
        self._shelf = Shelf(home / "imports")

    async def accept(self, kind: str, file_name: str, source: BinaryIO, *, actor: str) -> int:
        """Lay an uploaded file down; gives its number.

        Raises:
            BadInput: it is empty, too large, or its name ends in no way we know.
            NotFound: there is no such kind.
            Unavailable: the disk is almost full.
        """
        rows, name = _kind(kind), _plain_name(file_name)
        import_files.format_of(name)
        stored_as, size = await asyncio.to_thread(self._shelf.lay_down, source, suffix=Path(name).suffix)
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            number = await store.add(
                connection, kind=rows, file_name=name, stored_as=stored_as, size=size, now=now, actor=actor
            )
            await self._audit(connection, "upload", number, actor, {"kind": str(rows), "file": name, "bytes": size})
        return number

    async def list(self, *, limit: int = 100) -> Sequence[PastImport]:
        """The latest imports, newest first."""
        async with self._pool.acquire() as connection:
            return [PastImport(**row) for row in await store.list_latest(connection, limit=limit)]

    async def get(self, upload_id: int) -> Upload:
        """One upload.

        Raises:
            NotFound: there is none of this number.
        """
        return _upload(await self._row(upload_id))

    async def look(self, upload_id: int, choices: Choices) -> FileLook:
        """What the file holds and which column is likely which field.

        Raises:
            BadInput: it cannot be read so.
            NotFound: there is no such upload, or its file was removed.
        """
        row = await self._row(upload_id)
        with _called(row):
            return await self._imports.look(Kind(row["kind"]), self._path(row), choices)

    async def preview(self, upload_id: int, choices: Choices) -> Preview:
        """How the file would be read; nothing is stored.

        Raises:
            BadInput, BadMapping: it cannot be read so.
            NotFound: there is no such upload, or its file was removed.
        """
        row = await self._row(upload_id)
        with _called(row):
            return await self._imports.preview(Kind(row["kind"]), self._path(row), choices)

    async def start(self, upload_id: int, choices: Choices, *, actor: str) -> None:
        """Have a worker take the file in.

        Raises:
            BadInput, BadMapping, NotFound: as `preview`; nothing is started.
            Conflict: it waits or runs already.
        """
        await self.preview(upload_id, choices)
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await _idle(connection, upload_id)
            await store.wait(connection, upload_id=upload_id, choices=msgspec.to_builtins(choices), now=now)
            await jobs.enqueue(connection, IMPORT_JOB, {"upload_id": upload_id}, once=str(upload_id))
            await self._audit(connection, "start", upload_id, actor, {})

    async def work(self, upload_id: int) -> None:
        """Take a file in: a worker's job. Ends quietly where there is nothing to do; goes on where one died."""
        async with self._pool.acquire() as connection:
            if not await store.run(connection, upload_id=upload_id, now=self._clock.now()):
                return
        row, told = await self._row(upload_id), _Told()
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

    async def rejects(self, upload_id: int, *, actor: str) -> tuple[Path, str]:
        """The file of rejected rows, and how to call it; who takes it is written down.

        Raises:
            NotFound: there is none.
        """
        row = await self._row(upload_id)
        path = None if row["rejects"] is None else self._path(row).parent / row["rejects"]
        if path is None or not path.is_file():
            raise NotFound("There are no rejected rows, or their file was removed.", code="file_removed")
        async with self._pool.acquire() as connection, connection.transaction():
            await self._audit(connection, "download_rejects", upload_id, actor, {})
        stem = Path(row["file_name"]).stem
        return path, f"{stem}.rejects{path.suffix}"

    async def remove(self, upload_id: int, *, actor: str) -> None:
        """Remove a file and its rejected rows; what was imported stays.

        Raises:
            NotFound: there is no such upload.
            Conflict: it waits or runs.
        """
        row = await self._row(upload_id)
        async with self._pool.acquire() as connection, connection.transaction():
            await _idle(connection, upload_id)
            await store.forget_file(connection, upload_id=upload_id)
            await self._audit(connection, "remove", upload_id, actor, {"file": row["file_name"]})
        if row["stored_as"] is not None:
            await asyncio.to_thread(self._shelf.remove, row["stored_as"])

    async def remove_all(self, *, actor: str) -> int:
        """Remove every file, whoever is in it; gives how many.

        Raises:
            Conflict: an import reads one of them: the others are gone, and this is to be done again.
        """
        async with self._pool.acquire() as connection:
            kept = await store.list_expired(connection, before=self._clock.now() + KEPT)
        gone = 0
        for row in kept:
            with contextlib.suppress(Conflict, NotFound):  # started or removed meanwhile
                await self.remove(row["upload_id"], actor=actor)
                gone += 1
        async with self._pool.acquire() as connection:
            if await store.list_files(connection):
                raise Conflict("A file is being taken in; it is removed when that is done.", code="import_under_way")
        return gone

    async def keep_house(self) -> int:
        """Remove files that were kept long enough, and what died runs left; gives how many."""
        async with self._pool.acquire() as connection:
            expired = await store.list_expired(connection, before=self._clock.now() - KEPT)
        gone = 0
        for row in expired:
            with contextlib.suppress(Conflict):  # started meanwhile
                await self._let_go(row)
                gone += 1
        async with self._pool.acquire() as connection:
            kept = await store.list_files(connection)
        return gone + await asyncio.to_thread(self._shelf.sweep, kept, older_than=_ORPHAN.total_seconds())

    async def _let_go(self, row: asyncpg.Record) -> None:
        """Forget a file, then remove it: in between it is swept, if this dies; nobody starts what is not there."""
        async with self._pool.acquire() as connection, connection.transaction():
            await _idle(connection, row["upload_id"])
            await store.forget_file(connection, upload_id=row["upload_id"])
        await asyncio.to_thread(self._shelf.remove, row["stored_as"])

    async def _run(self, row: asyncpg.Record, told: _Told) -> None:
        path, choices = self._path(row), msgspec.convert(row["choices"], Choices)
        with _called(row):
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

    async def _row(self, upload_id: int) -> asyncpg.Record:
        async with self._pool.acquire() as connection:
            row = await store.get(connection, upload_id=upload_id)
        if row is None:
            raise NotFound(f"There is no upload {upload_id}.", code="upload_not_found")
        return row

    def _path(self, row: asyncpg.Record) -> Path:
        return self._shelf.path(row["stored_as"] or "")

    async def _audit(
        self, connection: Connection, action: str, upload_id: int, actor: str, detail: dict[str, Any]
    ) -> None:
        await access.write_audit(
            connection,
            at=self._clock.now(),
            actor=actor,
            action=f"import.{action}",
            target=str(upload_id),
            detail=detail,
        )


async def _idle(connection: Connection, upload_id: int) -> None:
    """Hold an upload that no import waits for or reads."""
    if await store.lock(connection, upload_id=upload_id) in ("waiting", "running"):
        raise Conflict("This import is under way.", code="import_under_way")


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise NotFound(f"Files hold {', '.join(Kind)}, not {text}.", code="no_such_kind") from None


def _plain_name(given: str) -> str:
    """What a person called the file, without folders, control characters and signs that turn the writing round."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C").strip(". ")
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:_LONGEST_NAME]}{dot}{ending}" if len(ending) < 10 else name[:_LONGEST_NAME]  # noqa: PLR2004 - no ending we know is longer


@contextlib.contextmanager
def _called(row: asyncpg.Record) -> Iterator[None]:
    """Faults name the file as its owner calls it."""
    try:
        yield
    except JorenError as error:
        error.message = error.message.replace(row["stored_as"] or "\0", row["file_name"])
        error.args = (error.message,)
        raise


def _upload(row: asyncpg.Record) -> Upload:
    report = None if row["report"] is None else msgspec.convert(row["report"], ImportReport)
    return Upload(
        upload_id=row["upload_id"],
        kind=Kind(row["kind"]),
        file_name=row["file_name"],
        size=row["bytes"],
        uploaded_at=row["uploaded_at"],
        uploaded_by=row["uploaded_by"],
        kept=row["stored_as"] is not None,
        state=row["state"],
        choices=msgspec.convert(row["choices"], Choices),
        changed_at=row["changed_at"],
        step=row["step"],
        done=row["done"],
        report=report,
        error=row["error"],
        error_code=row["error_code"],
        rejects=row["rejects"] is not None,
    )
