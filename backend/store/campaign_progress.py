"""How far a campaign that repeats has come: its launches."""

from datetime import datetime

from backend.store import queries
from backend.store.pool import Connection
from campaigns.overview import Launch, Progress

_SQL = queries.load("campaign_progress")


async def read(connection: Connection, *, campaign_id: int, since: datetime, last: int) -> Progress:
    """Its launches: how many, for how many people since a moment, and the last ones."""
    total = await connection.fetchrow(_SQL["count_launches"], campaign_id, since)
    rows = await connection.fetch(_SQL["list_launches"], campaign_id, last)
    return Progress(
        launches=total["launches"], people_today=total["people_since"], last=tuple(Launch(**row) for row in rows)
    )
