"""Imports from the admin pages: files are uploaded, looked at, started, followed; `backend.services.imports.work` does the work."""

import asyncio
import contextlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import msgspec

from backend.clock import Clock
from backend.errors import Conflict, NotFound
from backend.services.imports.runs import Imports
from backend.services.imports.uploads import IMPORT_JOB, Upload, called, find_upload, path_of, read_upload
from backend.services.imports.values import Choices, FileLook, Preview
from backend.store import access, import_files, jobs
from backend.store import import_uploads as store
from backend.store.import_shelf import Shelf
from backend.store.pool import Connection
from segments.import_fields import Kind

KEPT = timedelta(days=14)
"""How long an uploaded file and its rejected rows are kept after the last thing that happened to them."""

_LONGEST_NAME = 200
_ORPHAN = timedelta(days=1)


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
        return read_upload(await find_upload(self._pool, upload_id))

    async def look(self, upload_id: int, choices: Choices) -> FileLook:
        """What the file holds and which column is likely which field.

        Raises:
            BadInput: it cannot be read so.
            NotFound: there is no such upload, or its file was removed.
        """
        row = await find_upload(self._pool, upload_id)
        with called(row):
            return await self._imports.look(Kind(row["kind"]), path_of(self._shelf, row), choices)

    async def preview(self, upload_id: int, choices: Choices) -> Preview:
        """How the file would be read; nothing is stored.

        Raises:
            BadInput, BadMapping: it cannot be read so.
            NotFound: there is no such upload, or its file was removed.
        """
        row = await find_upload(self._pool, upload_id)
        with called(row):
            return await self._imports.preview(Kind(row["kind"]), path_of(self._shelf, row), choices)

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

    async def rejects(self, upload_id: int, *, actor: str) -> tuple[Path, str]:
        """The file of rejected rows, and how to call it; who takes it is written down.

        Raises:
            NotFound: there is none.
        """
        row = await find_upload(self._pool, upload_id)
        path = None if row["rejects"] is None else path_of(self._shelf, row).parent / row["rejects"]
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
        row = await find_upload(self._pool, upload_id)
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
