"""The latest word of each person per purpose and channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.store import queries
from backend.store.pool import Connection
from segments.sightings import Merge

_SQL = queries.load("consents")


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said about being written to."""

    customer_id: int
    purpose: str
    channel: str
    granted: bool
    source_id: int
    at: datetime


async def put(connection: Connection, words: Sequence[Word]) -> None:
    """Keep words where they are later than what is kept; of equals the one further back in ``words``."""
    latest: dict[tuple[int, str, str], Word] = {}
    for word in words:
        key = (word.customer_id, word.purpose, word.channel)
        if key not in latest or word.at >= latest[key].at:
            latest[key] = word
    kept = list(latest.values())
    await connection.execute(
        _SQL["put_consents"],
        [word.customer_id for word in kept],
        [word.purpose for word in kept],
        [word.channel for word in kept],
        [word.granted for word in kept],
        [word.source_id for word in kept],
        [word.at for word in kept],
    )


async def inherit(connection: Connection, merges: Sequence[Merge]) -> None:
    """Let merged customers' words count for the survivors."""
    gone = [merge.gone for merge in merges]
    await connection.execute(_SQL["inherit_consents"], gone, [merge.survivor for merge in merges])
    await connection.execute(_SQL["drop_consents"], gone)
