"""The intake log's door for events in bulk, for those who make tens of thousands at once and know that they fit.

It keeps what `backend.store.events.append` keeps (fence, durability, each id once, order, counts) and spends a tenth of
its time, because no row passes through Python.
"""

from datetime import datetime
from io import BytesIO

import polars as pl

from backend.store import events, queries
from backend.store.events import Appended
from backend.store.pool import Connection

_SQL = queries.load("staged_events")

COLUMNS = (
    "position",
    "event_id",
    "source_id",
    "trusted",
    "message_id",
    "type",
    "event",
    "user_id",
    "anonymous_id",
    "occurred_at",
    "payload",
)
"""Columns of the rows: ``event_id`` as `segments.envelope.event_id_of` makes it, as text; ``payload`` as JSON text."""


_PATIENCE = 900.0
"""Seconds for one step in bulk: a slow machine that is busy with other things takes its time, and nobody waits for the answer."""


async def append_staged(connection: Connection, rows: pl.DataFrame, *, received_at: datetime) -> Appended:
    """Write events to the log, each id once, in the order of ``position``. To be called inside a transaction.

    Args:
        connection: inside a transaction; keep it short, readers of the log wait for its end.
        rows: `COLUMNS`; nothing is checked but what the database checks.
        received_at: when they came, an aware time.
    """
    await events.enter_writer(connection)
    await stage(connection, rows)
    done = await connection.fetchrow(_SQL["move_staged"], received_at, timeout=_PATIENCE)
    await connection.execute(_SQL["clear_staging"], timeout=_PATIENCE)
    assert done is not None  # noqa: S101 - an aggregate without groups has one row
    return Appended(stored=done["stored"], repeated=done["repeated"], failed=0)


async def stage(connection: Connection, rows: pl.DataFrame) -> None:
    """Lay rows down for the length of the transaction, alone at the table, and let the planner know how many there are.

    Between two parts the table is empty, and autovacuum may note just that: a plan made for no rows compares every row of the
    next part with every other.
    """
    await connection.execute(_SQL["hold_staging"], timeout=_PATIENCE)
    await connection.execute(_SQL["clear_staging"], timeout=_PATIENCE)
    text = BytesIO(rows.select(COLUMNS).write_csv(include_header=False).encode())
    await connection.copy_to_table("staged_events", source=text, columns=COLUMNS, format="csv", timeout=_PATIENCE)
    await connection.execute(_SQL["count_staging"], timeout=_PATIENCE)
