"""Launches of campaigns that repeat which wait for a second person."""

from datetime import date, datetime
from typing import cast

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from campaigns.overview import WaitingLaunch

_SQL = queries.load("waiting_launches")


async def hold_back(
    connection: Connection,
    *,
    campaign_id: int,
    occurrence: int,
    planned_at: datetime,
    day: date,
    people: int,
    approved_for: int | None,
    expires_at: datetime,
) -> None:
    """Have a launch wait."""
    given = (campaign_id, occurrence, planned_at, day, people, approved_for, expires_at)
    await connection.execute(_SQL["hold_back"], *given)


async def list_waiting(connection: Connection, *, campaign_id: int) -> tuple[WaitingLaunch, ...]:
    """A campaign's launches that nobody has said anything about."""
    rows = await connection.fetch(_SQL["list_waiting"], campaign_id)
    return tuple(WaitingLaunch(**dict(row)) for row in rows)


async def list_approved(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Those that may go out: campaign_id, occurrence, planned_at, day, people."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["list_approved"], now))


async def approve(
    connection: Connection, *, campaign_id: int, occurrence: int, by: str, comment: str, now: datetime
) -> int | None:
    """A second person's yes, by which later launches go too; gives for how many people, None where it does not wait."""
    people: int | None = await connection.fetchval(_SQL["approve"], campaign_id, occurrence, by, now)
    if people is not None:
        await set_approved_for(connection, campaign_id=campaign_id, people=people, by=by, comment=comment, now=now)
    return people


async def set_approved_for(
    connection: Connection, *, campaign_id: int, people: int, by: str, comment: str, now: datetime
) -> None:
    """Keep for how many people a second person has approved a campaign."""
    await connection.execute(_SQL["set_approved_for"], campaign_id, people, by, now, comment)


async def take(connection: Connection, *, campaign_id: int, occurrence: int) -> bool:
    """Take one that was approved, in the transaction that launches it; says whether it was still there."""
    return await connection.fetchval(_SQL["take"], campaign_id, occurrence) is not None


async def drop(connection: Connection, *, campaign_id: int, occurrence: int) -> int | None:
    """Pass one over; gives for how many people it was, None where it does not wait."""
    people: int | None = await connection.fetchval(_SQL["drop"], campaign_id, occurrence)
    return people


async def drop_expired(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Pass over those that are too late: campaign_id, occurrence, people."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["drop_expired"], now))
