"""Launches that are for more people than were decided about: they wait for a second person, each by itself.

Functions of one transaction; the launcher opens it.
"""

from datetime import datetime, timedelta

import asyncpg
import structlog

from backend.store import access, campaign_drafts, webhooks
from backend.store import shop as shop_store
from backend.store import waiting_launches as store
from backend.store.pool import Connection
from campaigns.campaign import Action, State, next_state
from campaigns.notices import Notice, NoticeType
from campaigns.schedule import Due
from campaigns.states import outgrew

log = structlog.get_logger()


async def wait_if_outgrown(connection: Connection, row: asyncpg.Record, people: int, *, now: datetime) -> bool:
    """Have a campaign with a single launch wait whose segment came to hold more people than were decided about."""
    if not await _outgrew(connection, people, approved_for=_approved_for(row)):
        return False
    next_state(State.SCHEDULED, Action.SUBMIT)
    campaign_id, by = row["campaign_id"], row["submitted_by"] or row["edited_by"]
    await campaign_drafts.submit(
        connection, campaign_id=campaign_id, at=row["scheduled_at"], by=by, audience=people, now=now
    )
    log.warning("campaign_outgrew", campaign_id=campaign_id, people=people, remedy="joren campaign approve")
    return True


async def hold_back_if_outgrown(
    connection: Connection,
    row: asyncpg.Record,
    due: Due,
    people: int,
    *,
    lasting: timedelta,
    now: datetime,
    approved_for: int | None = None,
) -> bool:
    """Have one launch of a campaign that repeats wait; the others go on, and are counted when they are due.

    Args:
        connection: in a transaction that holds the campaign.
        row: of the campaign.
        due: the launch.
        people: whom it is for now.
        lasting: how long after its moment it is still worth launching.
        now: the present moment.
        approved_for: people a second person approved this launch for; None where nobody did, then the campaign's approval counts.
    """
    known = _approved_for(row) if approved_for is None else approved_for
    if not await _outgrew(connection, people, approved_for=known):
        return False
    campaign_id, occurrence = row["campaign_id"], due.occurrence
    await store.hold_back(
        connection,
        campaign_id=campaign_id,
        occurrence=occurrence,
        planned_at=due.at,
        day=due.day,
        people=people,
        approved_for=known,
        expires_at=due.at + lasting,
    )
    data = {"campaign_id": campaign_id, "name": row["name"], "occurrence": occurrence, "people": people}
    notice = Notice(NoticeType.LAUNCH_WAITING, now, {**data, "approved_for": known, "expires_at": due.at + lasting})
    await webhooks.publish(connection, notice)
    remedy = f"joren campaign approve {campaign_id} --launch {occurrence}"
    log.warning("launch_outgrew", campaign_id=campaign_id, occurrence=occurrence, people=people, remedy=remedy)
    return True


async def pass_over_expired(connection: Connection, *, now: datetime) -> None:
    """Let go of launches that nobody approved in time, and write that down."""
    for row in await store.drop_expired(connection, now=now):
        detail = {"occurrence": row["occurrence"], "people": row["people"]}
        await access.write_audit(
            connection,
            at=now,
            actor="joren",
            action="campaign.launch_passed_over",
            target=f"campaign {row['campaign_id']}",
            detail=detail,
        )
        log.warning("launch_passed_over", campaign_id=row["campaign_id"], **detail)


async def _outgrew(connection: Connection, people: int, *, approved_for: int | None) -> bool:
    above = (await shop_store.read_settings(connection)).approval_above
    return outgrew(people, above=above, approved_for=approved_for)


def _approved_for(row: asyncpg.Record) -> int | None:
    return row["audience"] if row["reviewed_by"] is not None else None
