"""Which database holds the right to send, and which database this is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("sending_rights")


@dataclass(frozen=True, slots=True)
class Identity:
    """One database among all restored copies of it: cluster, timeline and number of the database."""

    system_identifier: int
    timeline: int
    database_oid: int


@dataclass(frozen=True, slots=True)
class Right:
    """The right to send: who has it, since when."""

    right_id: UUID
    holder: Identity
    armed_at: datetime


async def read_identity(connection: Connection) -> tuple[Identity, int]:
    """Which database this is, and how far its log has come in bytes."""
    row = await connection.fetchrow(_SQL["read_identity"])
    assert row is not None  # noqa: S101 - a database finds itself
    return Identity(row["system_identifier"], row["timeline"], row["database_oid"]), row["position"]


async def read_right(connection: Connection) -> Right | None:
    """The right that holds; None where none was ever granted."""
    row = await connection.fetchrow(_SQL["read_right"])
    if row is None:
        return None
    holder = Identity(row["system_identifier"], row["timeline"], row["database_oid"])
    return Right(row["right_id"], holder, row["armed_at"])


async def hold_first_grant(connection: Connection) -> None:
    """Be the only one who gives the first right, until the transaction ends."""
    await connection.execute(_SQL["hold_first_grant"])


async def has_campaigns(connection: Connection) -> bool:
    """Whether there ever was a campaign: without one nothing can be sent twice."""
    return bool(await connection.fetchval(_SQL["has_campaigns"]))


async def grant(connection: Connection, right: Right, *, by: str) -> None:
    """Give the right to send to ``right.holder``; whoever had it has lost it."""
    holder = right.holder
    await connection.execute(
        _SQL["grant_right"],
        right.right_id,
        holder.system_identifier,
        holder.timeline,
        holder.database_oid,
        right.armed_at,
        by,
    )


async def pause_running(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Pause every campaign that is sending; gives ``campaign_id`` and ``name`` of each."""
    return list(await connection.fetch(_SQL["pause_running"], now))


async def unschedule_due(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Take campaigns whose moment has passed back to drafts; gives ``campaign_id`` and ``name`` of each."""
    return list(await connection.fetch(_SQL["unschedule_due"], now))
