"""What people said of being written to: every word, and per purpose and channel the one that stands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("consents")


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said about being written to.

    Attributes:
        customer_id: the number it was said under.
        origin: where it was given, in the words of whoever passed it on; None where the source says enough.
        seq: of its event.
        verified: a secret key or his own customer token stands behind it.
    """

    customer_id: int
    purpose: str
    channel: str
    granted: bool
    source_id: int
    origin: str | None
    at: datetime
    seq: int
    verified: bool


async def put(connection: Connection, words: Sequence[Word]) -> None:
    """Add words to the history. What follows from them is for `settle`."""
    columns = ([getattr(word, column.name) for word in words] for column in fields(Word))
    await connection.execute(_SQL["put_words"], *columns)


async def settle(connection: Connection, *, customer_ids: Collection[int], merged: Collection[int]) -> None:
    """Make what stands for these customers from all that was said, by them and by those merged into them.

    Args:
        connection: inside a transaction.
        customer_ids: survivors.
        merged: numbers that are none any more.
    """
    await connection.execute(_SQL["forget_consents"], sorted({*customer_ids, *merged}))
    await connection.execute(_SQL["settle_consents"], sorted(customer_ids))
