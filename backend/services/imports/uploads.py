"""Uploaded files: what is kept of each, where it lies, and how faults call it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from backend.errors import JorenError, NotFound
from backend.services.imports.values import Choices, ImportReport
from backend.store import import_uploads as store
from backend.store.import_shelf import Shelf
from segments.import_fields import Kind

IMPORT_JOB = "import_file"


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


async def find_upload(pool: asyncpg.Pool, upload_id: int) -> asyncpg.Record:
    """The row of an upload.

    Raises:
        NotFound: there is none of this number.
    """
    async with pool.acquire() as connection:
        row = await store.get(connection, upload_id=upload_id)
    if row is None:
        raise NotFound(f"There is no upload {upload_id}.", code="upload_not_found")
    return row


def path_of(shelf: Shelf, row: asyncpg.Record) -> Path:
    """Where its file lies.

    Raises:
        NotFound: it was removed.
    """
    return shelf.path(row["stored_as"] or "")


@contextlib.contextmanager
def called(row: asyncpg.Record) -> Iterator[None]:
    """Faults name the file as its owner calls it."""
    try:
        yield
    except JorenError as error:
        error.message = error.message.replace(row["stored_as"] or "\0", row["file_name"])
        error.args = (error.message,)
        raise


def read_upload(row: asyncpg.Record) -> Upload:
    """An upload as it is told."""
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
