"""The feeds that begin campaigns for people: how far each is read, and what it holds."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("triggers")

Feed: TypeAlias = Literal["events", "changes"]


async def hold_position(connection: Connection, feed: Feed, *, newest: int, now: datetime) -> int | None:
    """How far a feed is read, for its one reader until the transaction ends; None while another reads.

    The first reader ever begins at ``newest``, where the feed ends now.
    """
    if not await connection.fetchval(_SQL["has_feed"], feed):
        await connection.execute(_SQL["begin_feed"], feed, newest, now)
    position: int | None = await connection.fetchval(_SQL["hold_position"], feed)
    return position


async def set_position(connection: Connection, feed: Feed, *, position: int, now: datetime) -> None:
    """Note how far a feed is read, in the transaction of what follows from it."""
    await connection.execute(_SQL["set_position"], feed, position, now)


async def list_listening(connection: Connection) -> list[asyncpg.Record]:
    """Every version of the campaigns that let people in or have them under way, the published one named with each."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_listening"])
    return rows


async def read_definitions(
    connection: Connection, *, versions: Collection[tuple[int, int]]
) -> dict[tuple[int, int], dict[str, Any]]:
    """What some versions say, by campaign and version."""
    campaigns, numbers = [one for one, _ in versions], [version for _, version in versions]
    rows = await connection.fetch(_SQL["read_definitions"], campaigns, numbers)
    return {(row["campaign_id"], row["version"]): row["definition"] for row in rows}


async def hold_campaigns(connection: Connection, *, campaign_ids: Collection[int]) -> set[int]:
    """Of some campaigns those that are sending; they stay so until the transaction ends."""
    rows = await connection.fetch(_SQL["hold_campaigns"], sorted(campaign_ids))
    return {row["campaign_id"] for row in rows}


async def read_events(
    connection: Connection, *, after: int, upto: int, names: Collection[str], limit: int
) -> list[asyncpg.Record]:
    """Events of some names in a range of the log, in its order, with whose they are."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_events"], after, upto, sorted(names), limit)
    return rows


async def read_events_of(
    connection: Connection, *, people: Sequence[tuple[int, datetime]], names: Collection[str]
) -> list[asyncpg.Record]:
    """Events of some names that happened to people after a moment of each, in the order of the log."""
    ids, moments = [who for who, _ in people], [since for _, since in people]
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_events_of"], ids, moments, sorted(names))
    return rows


async def read_changes(
    connection: Connection, *, after: int, upto: int, segment_ids: Collection[int], limit: int
) -> list[asyncpg.Record]:
    """Who entered or left some segments: change_id, segment_id, entered, at, customer_id."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_changes"], after, upto, sorted(segment_ids), limit)
    return rows


async def find_verified(connection: Connection, *, names: Collection[str]) -> frozenset[str]:
    """Of some events those that a source which is no app has ever reported."""
    return frozenset(row["name"] for row in await connection.fetch(_SQL["find_verified"], sorted(names)))


async def read_turns(connection: Connection, *, segment_id: int, since: datetime) -> list[asyncpg.Record]:
    """Who entered and left a segment from a moment on, in order: customer_id, at, entered, cause."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_turns"], segment_id, since)
    return rows


async def turns_known_since(connection: Connection, *, segment_id: int) -> datetime | None:
    """Since when `read_turns` tells everything by the rule that the segment has now; None before it was ever counted."""
    found: datetime | None = await connection.fetchval(_SQL["turns_known_since"], segment_id)
    return found
