"""Campaigns and the people they were launched for."""

from datetime import datetime
from typing import cast

import asyncpg
import polars as pl

from backend.store import queries, webhooks
from backend.store.binary_copy import Kind, copy_rows
from backend.store.pool import Connection
from campaigns.campaign import State
from campaigns.notices import Notice, NoticeType

_SQL = queries.load("campaigns")

_PEOPLE = {
    "customer_id": Kind.BIGINT,
    "occurrence": Kind.BIGINT,
    "campaign_id": Kind.INTEGER,
    "step": Kind.SMALLINT,
    "version": Kind.SMALLINT,
    "rest": Kind.BOOLEAN,
    **dict.fromkeys(("arm", "variant", "left_out", "state"), Kind.TEXT),
    **dict.fromkeys(("planned_at", "not_before", "expires_at", "changed_at"), Kind.MOMENT),
    "merge_fields": Kind.JSONB,
}


async def list_all(connection: Connection) -> list[asyncpg.Record]:
    """All campaigns with their segment's name and counts, the last changed first."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["list_campaigns"], None))


async def get(connection: Connection, *, campaign_id: int) -> asyncpg.Record | None:
    """One campaign as in the list."""
    return await connection.fetchrow(_SQL["list_campaigns"], campaign_id)


async def has_segment(connection: Connection, *, segment_id: int) -> bool:
    """Whether a segment is there and not archived."""
    return bool(await connection.fetchval(_SQL["has_segment"], segment_id))


async def lock(connection: Connection, *, campaign_id: int) -> asyncpg.Record | None:
    """Hold one campaign until the transaction ends: number, state, revision, name, expires_after."""
    return await connection.fetchrow(_SQL["lock_campaign"], campaign_id)


async def share(connection: Connection, *, campaign_id: int, now: datetime) -> asyncpg.Record:
    """The campaign, held still until the transaction ends; several may hold it: state, devices, and whether some wait for another try."""
    held = await connection.fetchrow(_SQL["share_campaign"], campaign_id, now)
    assert held is not None  # noqa: S101 - campaigns are never deleted
    return held


async def set_state(
    connection: Connection, *, campaign_id: int, state: State, now: datetime, paused_reason: str | None = None
) -> None:
    """Move a campaign to a state that the caller has checked."""
    name = await connection.fetchval(_SQL["set_state"], campaign_id, str(state), now, paused_reason)
    await tell(connection, campaign_id, name, state=state, now=now, paused_reason=paused_reason)


async def set_schedule(connection: Connection, *, campaign_id: int, at: datetime, now: datetime) -> None:
    """Move a campaign to scheduled."""
    name = await connection.fetchval(_SQL["set_schedule"], campaign_id, at, now)
    await tell(connection, campaign_id, name, state=State.SCHEDULED, now=now)


async def set_launched(
    connection: Connection,
    *,
    campaign_id: int,
    planned_at: datetime,
    expires_at: datetime | None,
    segment_version: int | None,
    targeted: int,
    control: int,
    now: datetime,
) -> None:
    """Move a campaign to sending, with what was decided at launch."""
    name = await connection.fetchval(
        _SQL["set_launched"], campaign_id, planned_at, expires_at, segment_version, targeted, control, now
    )
    await tell(connection, campaign_id, name, state=State.SENDING, now=now)


async def tell(
    connection: Connection,
    campaign_id: int,
    name: str,
    *,
    state: State,
    now: datetime,
    paused_reason: str | None = None,
) -> None:
    """Let webhooks know of a new state, in the transaction that brings it."""
    data = {"campaign_id": campaign_id, "name": name, "state": state, "paused_reason": paused_reason}
    await webhooks.publish(connection, Notice(NoticeType.CAMPAIGN_STATE, now, data))


async def add_occurrence(
    connection: Connection,
    *,
    campaign_id: int,
    occurrence: int,
    version: int,
    segment_version: int,
    planned_at: datetime,
    expires_at: datetime,
    targeted: int,
    control: int,
    now: datetime,
    step: int = 0,
) -> None:
    """Keep that an audience was launched.

    Raises:
        asyncpg.UniqueViolationError: this occurrence was launched before.
    """
    await connection.execute(
        _SQL["add_occurrence"],
        campaign_id,
        occurrence,
        step,
        version,
        segment_version,
        planned_at,
        expires_at,
        targeted,
        control,
        now,
    )


async def copy_people(connection: Connection, people: pl.DataFrame) -> None:
    """Write everyone of a launch: rows as `campaigns.ledger.rows_of` makes them."""
    await copy_rows(connection, "campaign_people", people, kinds=_PEOPLE)


async def has_occurrence(connection: Connection, *, campaign_id: int, occurrence: int) -> bool:
    """Whether an audience was launched for it."""
    return bool(await connection.fetchval(_SQL["has_occurrence"], campaign_id, occurrence))


async def add_launch(
    connection: Connection,
    *,
    campaign_id: int,
    targeted: int,
    control: int,
    expires_at: datetime | None,
    segment_version: int,
) -> None:
    """Add an occurrence to the figures of a campaign that repeats."""
    await connection.execute(_SQL["add_launch"], campaign_id, targeted, control, expires_at, segment_version)


async def set_next(connection: Connection, *, campaign_id: int, looked_at: datetime, next_at: datetime | None) -> None:
    """Keep up to when a campaign's occurrences were launched or have passed, and when to look again; None for never."""
    await connection.execute(_SQL["set_next"], campaign_id, looked_at, next_at)


async def list_entered(connection: Connection, *, campaign_id: int, since: datetime | None) -> list[int]:
    """Customers who were drawn for an occurrence of a campaign, ever or since a moment."""
    return [row["customer_id"] for row in await connection.fetch(_SQL["list_entered"], campaign_id, since)]


async def read_salt(connection: Connection, *, campaign_id: int) -> str:
    """What draws a campaign's arms."""
    return cast("str", await connection.fetchval(_SQL["read_salt"], campaign_id))


async def list_due(connection: Connection, *, now: datetime) -> list[int]:
    """Scheduled campaigns whose moment has come."""
    return [row[0] for row in await connection.fetch(_SQL["list_due"], now)]


async def list_active(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Campaigns that are sending or paused, with whether anything of theirs is due."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["list_active"], now))


async def list_survivors(connection: Connection) -> list[asyncpg.Record]:
    """Merged customers: customer_id, survivor."""
    return cast("list[asyncpg.Record]", await connection.fetch(_SQL["list_survivors"]))


async def record_test_send(
    connection: Connection,
    *,
    campaign_id: int,
    customer_id: int,
    device_id: int,
    outcome: str,
    message_name: str | None,
    by: str,
    at: datetime,
) -> None:
    """Keep a test send for the record."""
    await connection.execute(
        _SQL["record_test_send"], campaign_id, customer_id, device_id, outcome, message_name, by, at
    )
