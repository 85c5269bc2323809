"""What customers find in the inbox of their app, and what they read of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from campaigns.inbox import KEPT, SHOWN_THOUGH_LEFT_OUT, Key

_SQL = queries.load("inbox")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose inbox: the customer with everyone who was merged into it, at a moment."""

    customer_id: int
    mine: Sequence[int]
    now: datetime

    @property
    def asked(self) -> tuple[Sequence[int], datetime, datetime, tuple[str, ...]]:
        """What every question begins with."""
        return self.mine, self.now, self.now - KEPT, SHOWN_THOUGH_LEFT_OUT


async def find_reader(connection: Connection, *, user_id: str) -> asyncpg.Record | None:
    """The customer of a member number: customer_id, mine, language, family_name, given_name; None of an unknown one."""
    return await connection.fetchrow(_SQL["find_reader"], user_id)


async def list_messages(
    connection: Connection, owner: Owner, *, before: tuple[datetime, Key] | None, size: int
) -> list[asyncpg.Record]:
    """Up to ``size`` messages, newest first, older than ``before``.

    Of each campaign_id, occurrence, step, planned_at, variant, merge_fields, definition (the version that the person
    got) and read_at.
    """
    at, key = before or (None, Key(0, 0, 0))
    cursor = (at, key.campaign_id, key.occurrence, key.step)
    return list(await connection.fetch(_SQL["list_messages"], *owner.asked, *cursor, size))


async def count_unread(connection: Connection, owner: Owner) -> int:
    """How many messages of the inbox were not read."""
    return int(await connection.fetchval(_SQL["count_unread"], *owner.asked))


async def mark_read(connection: Connection, owner: Owner, keys: Collection[Key] | None) -> None:
    """Note that messages were read; None means all. Keys of others' messages do nothing."""
    columns: tuple[list[int] | None, ...] = (None, None, None)
    if keys is not None:
        columns = (
            [key.campaign_id for key in keys],
            [key.occurrence for key in keys],
            [key.step for key in keys],
        )
    await connection.execute(_SQL["mark_read"], *owner.asked, owner.customer_id, *columns)
