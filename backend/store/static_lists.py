"""Static lists and who is on them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias

import asyncpg
import numpy as np
import numpy.typing as npt

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("static_lists")

Numbers: TypeAlias = Sequence[int] | npt.NDArray[np.int64]
"""Customers in any order; an array where they may be millions."""

PIECE = 50_000
"""Numbers or customers in one statement."""


async def list_lists(
    connection: Connection, *, archived: bool = False, list_id: int | None = None
) -> list[asyncpg.Record]:
    """Lists with their sizes, by name; or one of them."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_lists"], archived, list_id)
    return rows


async def find_list(connection: Connection, *, name: str) -> int | None:
    """The number of the list of a name."""
    found: int | None = await connection.fetchval(_SQL["find_list"], name)
    return found


async def lock_list(connection: Connection, *, list_id: int) -> asyncpg.Record | None:
    """The bare list, locked until the transaction ends."""
    return await connection.fetchrow(_SQL["lock_list"], list_id)


async def insert_list(
    connection: Connection,
    *,
    name: str,
    exclusion: bool,
    origin: str,
    known_since: date | None,
    now: datetime,
    actor: str,
) -> int:
    """Add a list that is empty yet, and return its number.

    Raises:
        asyncpg.UniqueViolationError: when the name is taken.
    """
    return int(await connection.fetchval(_SQL["insert_list"], name, exclusion, origin, now, actor, known_since))


async def set_list(connection: Connection, *, list_id: int, name: str, exclusion: bool, now: datetime) -> None:
    """Name a list, and say whether it keeps people out of campaigns.

    Raises:
        asyncpg.UniqueViolationError: when the name is taken.
    """
    await connection.execute(_SQL["set_list"], list_id, name, exclusion, now)


async def set_archived(connection: Connection, *, list_id: int, at: datetime | None, now: datetime) -> None:
    """Put a list away, or take it back with None."""
    await connection.execute(_SQL["set_archived"], list_id, at, now)


async def note_change(connection: Connection, *, list_id: int, now: datetime) -> None:
    """Who is on it has changed."""
    await connection.execute(_SQL["note_change"], list_id, now)


async def survivors_of_ids(connection: Connection, *, user_ids: Sequence[str]) -> dict[str, int]:
    """Customers by member number; numbers that nobody has are absent."""
    found: dict[str, int] = {}
    for start in range(0, len(user_ids), PIECE):
        rows = await connection.fetch(_SQL["survivors_of_ids"], user_ids[start : start + PIECE])
        found |= {row["value"]: row["customer_id"] for row in rows}
    return found


async def add_members(connection: Connection, *, list_id: int, customer_ids: Numbers) -> int:
    """Put people on a list; gives how many were not on it yet."""
    return await _in_pieces(connection, "add_members", list_id, customer_ids)


async def remove_members(connection: Connection, *, list_id: int, customer_ids: Numbers) -> int:
    """Take people off a list; gives how many were on it."""
    return await _in_pieces(connection, "remove_members", list_id, customer_ids)


async def list_members(connection: Connection, *, list_id: int, after: int, limit: int) -> list[asyncpg.Record]:
    """People on a list (customer_id, user_id) by number."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_members"], list_id, after, limit)
    return rows


async def list_rules(connection: Connection) -> list[asyncpg.Record]:
    """Rules of live segments (segment_id, name, rule), drafts among them."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_rules"])
    return rows


async def list_waiting_campaigns(connection: Connection) -> dict[int, str]:
    """Names of the campaigns that are to be sent."""
    return {row["campaign_id"]: row["name"] for row in await connection.fetch(_SQL["list_waiting_campaigns"])}


async def _in_pieces(connection: Connection, name: str, list_id: int, customer_ids: Numbers) -> int:
    numbers, done = np.sort(np.asarray(customer_ids, np.int64)), 0
    for start in range(0, len(numbers), PIECE):
        done += int(await connection.fetchval(_SQL[name], list_id, numbers[start : start + PIECE].tolist()))
    return done
