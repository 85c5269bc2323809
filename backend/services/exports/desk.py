"""Exports: wished for by a person or a program, written by a worker, fetched until they expire.

A file lies in ``JOREN_HOME/exports`` under a name of 128 random bits, readable by Joren's own user only. It is written
under another name and renamed when it is whole. A worker holds an export by a lease; when it dies, the next one
begins the file anew. Who asked for what and who fetched it is in the audit log.
"""

import asyncio
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import structlog

from backend.clock import Clock
from backend.errors import BadInput, Conflict, JorenError
from backend.services.exports import files, writing
from backend.services.exports.lease import LEASE, Held, Lost, holding
from backend.services.exports.ledger import Download, Export, export_of, read
from backend.services.exports.writing import Origins
from backend.store import access, webhooks
from backend.store import exports as store
from backend.store.export_files import Written
from backend.store.outages import OUTAGES
from backend.store.pool import Connection
from campaigns.notices import Notice, NoticeType
from segments.errors import FactsError
from segments.exports import ABOUT_PERSONS, BadWish, Wish, check

KEPT = timedelta(days=7)
"""How long a file can be fetched."""
LISTED = 50
_MOST_ATTEMPTS = 5

log = structlog.get_logger(__name__)


class Exports:
    """The desk where exports are ordered, written and fetched.

    Args:
        pool: the database.
        clock: tells when a file's time is over.
        home: `JOREN_HOME`; workers and servers must see the same one.
        origins: where the rows come from.
        renew_every: seconds after which a worker says again that it is at work.
    """

    def __init__(
        self, pool: asyncpg.Pool, clock: Clock, home: Path, *, origins: Origins, renew_every: float = 10.0
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._folder = home / "exports"
        self._origins = origins
        self._renew_every = renew_every

    async def order(self, wish: Wish, *, by: str) -> Export:
        """Have a worker write a file.

        Raises:
            BadInput: the wish cannot be fulfilled; ``field`` says why.
        """
        wish, now = _checked(wish), self._clock.now()
        document = msgspec.to_builtins(wish)
        async with self._pool.acquire() as connection, connection.transaction():
            number = await store.insert(
                connection, wish=document, what=wish.what, personal=wish.holds_people, by=by, now=now
            )
            await self._audit(connection, "order", f"export {number}", by, document)
        return await self.get(number)

    async def list(self) -> list[Export]:
        """The latest exports, newest first."""
        async with self._pool.acquire() as connection:
            return [export_of(row) for row in await store.list_latest(connection, limit=LISTED)]

    async def get(self, export_id: int) -> Export:
        """One export.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._pool.acquire() as connection:
            return export_of(await read(connection, export_id))

    async def fetch(self, export_id: int, *, by: str) -> Download:
        """The file of an export; that it was fetched is written down.

        Raises:
            NotFound: there is no such export.
            Conflict: it is not finished, came to nothing, or its time is over.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await read(connection, export_id)
            export, path = export_of(row), self._folder / (row["file_name"] or "none")
            if export.state != "done" or not path.is_file():
                raise Conflict(f"This export has no file to fetch: it is {export.state}.", code="export_not_ready")
            await store.count_download(connection, export_id=export_id)
            detail = {"what": export.wish.what, "rows": export.rows_done}
            await self._audit(connection, "download", f"export {export_id}", by, detail)
        return Download(path, export.name)

    async def write_to(self, wish: Wish, path: Path, *, by: str) -> Written:
        """Write a file at once and here: for commands.

        Raises:
            BadInput: the wish cannot be fulfilled, or there is a file already.
        """
        wish = _checked(wish)
        if await asyncio.to_thread(path.exists):
            raise BadInput(f"{path} is there already; name another file.", code="file_exists", field="output")
        async with self._pool.acquire() as connection:
            await self._audit(connection, "write", f"file {path.name}", by, msgspec.to_builtins(wish))
        try:
            return await writing.write(self._pool, wish, path, origins=self._origins)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise

    async def work(self) -> int:
        """Write one export that waits; gives how many there were. For any number of workers at once."""
        now, attempt_id = self._clock.now(), uuid4()
        async with self._pool.acquire() as connection, connection.transaction():
            row = await store.claim(connection, attempt_id=attempt_id, now=now, leased_until=now + LEASE)
        if row is None:
            return 0
        held, wish = Held(row["export_id"], attempt_id), msgspec.convert(row["wish"], Wish)
        if row["attempts"] > _MOST_ATTEMPTS:
            await self._fail(held, wish, "No worker could end it; the log says why.")
        else:
            await self._work_on(held, wish)
        return 1

    async def keep_house(self) -> int:
        """Remove files whose time is over, and what dead workers left; gives how many."""
        now, found = self._clock.now(), await asyncio.to_thread(files.parts_in, self._folder)
        async with self._pool.acquire() as connection, connection.transaction():
            expired = await store.expire(connection, now=now)
            kept = await store.list_files(connection)
            attempts = await store.list_attempts(connection)
        parts = await asyncio.to_thread(files.remove_parts, found, attempts)
        return parts + await asyncio.to_thread(files.sweep, self._folder, expired, kept, now)

    async def withdraw(self, *, actor: str) -> int:
        """End every export about persons and remove its file, because one of them was erased; gives how many files."""
        found = await asyncio.to_thread(files.parts_in, self._folder)
        async with self._pool.acquire() as connection, connection.transaction():
            names = await store.withdraw(connection, kinds=list(ABOUT_PERSONS))
            attempts = await store.list_attempts(connection)
            await self._audit(connection, "withdraw", "exports", actor, {"files": len(names)})
        parts = await asyncio.to_thread(files.remove_parts, found, attempts)
        return parts + await asyncio.to_thread(files.remove, self._folder, names)

    async def _work_on(self, held: Held, wish: Wish) -> None:
        file_name = f"{secrets.token_hex(16)}.{wish.format}"
        part = files.part_of(self._folder, held.attempt_id, wish.format)
        try:
            await asyncio.to_thread(files.private_folder, self._folder)
            async with holding(self._pool, self._clock, held, every=self._renew_every):
                written = await writing.write(self._pool, wish, part, origins=self._origins, progress=held.progress)
            await self._finish(held, wish, part, file_name, written)
        except Lost:
            log.warning("export_lost", export_id=held.export_id)
        except (JorenError, FactsError) as error:
            await self._fail(held, wish, str(error), code=getattr(error, "code", None))
        except OUTAGES:
            raise  # the lease runs out, and somebody tries again
        except Exception:
            log.exception("export_failed", export_id=held.export_id)
            await self._fail(held, wish, "Something went wrong on our side; the log says what.")
        finally:
            part.unlink(missing_ok=True)

    async def _finish(self, held: Held, wish: Wish, part: Path, file_name: str, written: Written) -> None:
        now, path = self._clock.now(), self._folder / file_name
        size = await asyncio.to_thread(files.put_in_place, part, path)
        async with self._pool.acquire() as connection, connection.transaction():
            kept = await store.finish(
                connection,
                export_id=held.export_id,
                attempt_id=held.attempt_id,
                now=now,
                expires_at=now + KEPT,
                rows=written.rows,
                size=size,
                replaced=written.replaced,
                cut=written.cut,
                file_name=file_name,
            )
            if kept:
                await _tell(connection, held, wish, now, state="done", rows=written.rows)
        if not kept:
            path.unlink(missing_ok=True)

    async def _fail(self, held: Held, wish: Wish, error: str, *, code: str | None = None) -> None:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            failed = await store.fail(
                connection, export_id=held.export_id, attempt_id=held.attempt_id, now=now, error=error, code=code
            )
            if failed:
                await _tell(connection, held, wish, now, state="failed", rows=0)

    async def _audit(self, connection: Connection, action: str, target: str, by: str, detail: dict[str, Any]) -> None:
        await access.write_audit(
            connection, at=self._clock.now(), actor=by, action=f"export.{action}", target=target, detail=detail
        )


async def _tell(connection: Connection, held: Held, wish: Wish, now: datetime, *, state: str, rows: int) -> None:
    data = {"export_id": held.export_id, "what": wish.what, "format": wish.format, "state": state, "rows": rows}
    await webhooks.publish(connection, Notice(NoticeType.EXPORT_FINISHED, now, data))


def _checked(wish: Wish) -> Wish:
    try:
        return check(wish)
    except BadWish as error:
        raise BadInput(str(error), code="bad_export", field=error.field) from error
