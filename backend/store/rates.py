"""Rate limits shared by every process: buckets of tokens that fill by the second."""

from datetime import datetime

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("rates")


async def take(
    connection: Connection,
    *,
    subject: str,
    owed: float,
    want: float,
    per_minute: float,
    now: datetime,
    most: float | None = None,
) -> tuple[float, float]:
    """Charge a bucket, which holds ``most`` or else a minute's worth, with what is owed; take up to ``want`` tokens on top.

    What is owed may be less than nothing: it is given back. Gives how many were taken, and what the bucket holds then: less
    than nothing while more is owed than it held.
    """
    capacity, per_second = float(per_minute if most is None else most), per_minute / 60
    taken = await connection.fetchrow(_SQL["take_tokens"], subject, owed, want, capacity, per_second, now)
    assert taken is not None  # noqa: S101 - the statement always returns its row
    return taken["granted"], taken["tokens"]


async def forget(connection: Connection, *, before: datetime) -> None:
    """Remove buckets that nobody took from since then."""
    await connection.execute(_SQL["forget_buckets"], before)
