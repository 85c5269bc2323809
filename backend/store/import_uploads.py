"""Records of uploaded files and what became of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("import_uploads")


async def add(
    connection: Connection, *, kind: str, file_name: str, stored_as: str, size: int, now: datetime, actor: str
) -> int:
    """A file was uploaded; gives its number."""
    number: int = await connection.fetchval(_SQL["add_upload"], kind, file_name, stored_as, size, now, actor)
    return number


async def get(connection: Connection, *, upload_id: int) -> asyncpg.Record | None:
    """One upload."""
    return await connection.fetchrow(_SQL["get_upload"], upload_id)


async def lock(connection: Connection, *, upload_id: int) -> str | None:
    """Hold an upload until the transaction ends; gives its state, None where there is none."""
    state: str | None = await connection.fetchval(_SQL["lock_upload"], upload_id)
    return state


async def wait(connection: Connection, *, upload_id: int, choices: Mapping[str, Any], now: datetime) -> None:
    """It waits for a worker."""
    await connection.execute(_SQL["wait_upload"], upload_id, dict(choices), now)


async def run(connection: Connection, *, upload_id: int, now: datetime) -> bool:
    """A worker takes it; False where there is nothing to do."""
    return await connection.fetchval(_SQL["run_upload"], upload_id, now) is not None


async def note_progress(connection: Connection, *, upload_id: int, step: str, done: int, now: datetime) -> None:
    """How far it is: thousandths of a step."""
    await connection.execute(_SQL["note_progress"], upload_id, step, done, now)


async def finish(
    connection: Connection,
    *,
    upload_id: int,
    report: Mapping[str, Any],
    rejects: str | None,
    import_id: int,
    now: datetime,
) -> None:
    """It is done; ``rejects`` is the name of the file of rejected rows."""
    await connection.execute(_SQL["finish_upload"], upload_id, dict(report), rejects, import_id, now)


async def fail(connection: Connection, *, upload_id: int, error: str, code: str, now: datetime) -> None:
    """It cannot be taken as it is."""
    await connection.execute(_SQL["fail_upload"], upload_id, error, code, now)


async def list_silent(connection: Connection, *, since: datetime) -> list[int]:
    """Uploads that wait or run and have not been touched since a moment."""
    return [row["upload_id"] for row in await connection.fetch(_SQL["list_silent"], since)]


async def list_latest(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """Imports of files, newest first."""
    return list(await connection.fetch(_SQL["list_uploads"], limit))


async def list_files(connection: Connection) -> set[str]:
    """Names of the files that have a record."""
    return {row["stored_as"] for row in await connection.fetch(_SQL["list_files"])}


async def list_expired(connection: Connection, *, before: datetime) -> list[asyncpg.Record]:
    """Uploads with a file that nothing happened to since a moment."""
    return list(await connection.fetch(_SQL["list_expired"], before))


async def forget_file(connection: Connection, *, upload_id: int) -> None:
    """Its file is gone; of one that was never imported the record goes too."""
    await connection.execute(_SQL["forget_file"], upload_id)
    await connection.execute(_SQL["drop_unused"], upload_id)
