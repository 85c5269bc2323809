"""An export's row in the ledger as the values that pages, API and command line know."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from backend.errors import NotFound
from backend.store import exports as store
from backend.store.pool import Connection
from segments.exports import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export as a list shows it.

    Attributes:
        state: queued, running, done, failed, or gone: its time is over, or it was withdrawn.
        rows_done: rows written so far, and in the end.
        share: how much of the table has been read, up to 1.
        error: why it failed, in English; error_code: the code of that, where the fault had one.
        replaced: characters that CP932 lacks; cut: texts longer than a cell of Excel.
    """

    export_id: int
    wish: Wish
    state: str
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    rows_done: int
    share: float
    bytes: int | None
    replaced: int
    cut: int
    error: str | None
    error_code: str | None
    downloads: int

    @property
    def name(self) -> str:
        """What a browser saves it as."""
        return f"joren-{self.wish.what}-{self.export_id}.{self.wish.format}"


@dataclass(frozen=True, slots=True)
class Download:
    """A file to hand out, and the name it goes by."""

    path: Path
    name: str


async def read(connection: Connection, export_id: int) -> asyncpg.Record:
    """One export's row.

    Raises:
        NotFound: there is none of that number.
    """
    row = await store.get(connection, export_id=export_id)
    if row is None:
        raise NotFound(f"There is no export {export_id}.", code="export_not_found")
    return row


def export_of(row: asyncpg.Record) -> Export:
    """A row as the value that pages know."""
    known = {name: value for name, value in row.items() if name != "file_name"}
    return Export(**{**known, "wish": msgspec.convert(row["wish"], Wish)})
