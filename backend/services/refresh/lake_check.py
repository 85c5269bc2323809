"""Whether the lake is this database's, and holds what was moved there: asked before anything is moved."""

import asyncio

from backend.errors import NotConfigured
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.batches import APP_ID
from backend.store import refresh
from backend.store.pool import Connection


async def check_lake(connection: Connection, lake: Lake) -> None:
    """Compare the last batch that the lake knows with those that the database knows.

    Raises:
        NotConfigured: the lake belongs to another database (code ``foreign_lake``), or lost history (``lost_lake``).
    """
    version = await asyncio.to_thread(lake.version, Table.EVENTS, APP_ID)
    done, planned = await refresh.last_done(connection), await refresh.last_batch(connection)
    if version > planned:
        raise NotConfigured(
            f"The lake at {lake.location} holds batches this database never planned: it belongs to another one. "
            "Give this database a lake of its own (JOREN_LAKE).",
            code="foreign_lake",
        )
    if version < done:
        raise NotConfigured(
            f"The lake at {lake.location} lost history this database has moved there. Put it back, or move "
            "what is left away and run: joren refresh --rebuild",
            code="lost_lake",
        )
