"""What a launch leaves in the ledger: its occurrence, the rows of its people, and when the next one is due.

Functions of one transaction; the launcher opens it and holds the campaign.
"""

import asyncio
from datetime import datetime

import asyncpg

from backend.services.campaign_runs.launches import Enter, Launch
from backend.store import campaign_tests
from backend.store import campaigns as store
from backend.store import shop as shop_store
from backend.store.pool import Connection
from campaigns.campaign import Draft
from campaigns.ledger import rows_of
from campaigns.phases import Phases
from campaigns.schedule import next_due


async def write_launch(
    connection: Connection,
    row: asyncpg.Record,
    draft: Draft,
    launch: Launch,
    *,
    version: int,
    enter: Enter | None,
    now: datetime,
) -> None:
    """Write the rows of an occurrence, unless it has them already.

    Args:
        connection: in a transaction that holds the campaign.
        row: of the campaign.
        draft: what it says.
        launch: whom it is for.
        version: the published one that they enter.
        enter: lets people into journeys, where somebody does.
        now: the present moment.
    """
    campaign_id, occurrence = row["campaign_id"], launch.occurrence
    if await store.has_occurrence(connection, campaign_id=campaign_id, occurrence=occurrence):
        return
    if launch.phases is not None:
        await _write_people(connection, row, draft, launch.phases, occurrence=occurrence, version=version, now=now)
    elif enter is not None:
        await enter(
            connection,
            campaign_id=campaign_id,
            version=version,
            occurrence=occurrence,
            customer_ids=launch.entering,
            now=now,
        )
    await store.add_occurrence(
        connection,
        campaign_id=campaign_id,
        occurrence=occurrence,
        version=version,
        segment_version=launch.segment_version,
        planned_at=launch.planned_at or now,
        expires_at=launch.expires_at or now + draft.expires_after,
        targeted=launch.targeted,
        control=launch.control,
        now=now,
    )


async def look_again(connection: Connection, row: asyncpg.Record, draft: Draft, *, looked_at: datetime) -> None:
    """Write down until when launches of a campaign that repeats were looked for, and when the next one is due."""
    zone = (await shop_store.read_settings(connection)).zone
    coming = next_due(draft, after=looked_at, zone=zone)
    next_at = coming.at if coming else None
    await store.set_next(connection, campaign_id=row["campaign_id"], looked_at=looked_at, next_at=next_at)


async def _write_people(
    connection: Connection,
    row: asyncpg.Record,
    draft: Draft,
    phases: Phases,
    *,
    occurrence: int,
    version: int,
    now: datetime,
) -> None:
    """The rows of those who are sent something now, and of those who wait for the decision of a test."""
    if phases.decides_at is not None:
        await campaign_tests.declare(connection, campaign_id=row["campaign_id"], due_at=phases.decides_at)
    for plan, rest in ((phases.plan, phases.settled), (phases.rest, True)):
        if plan is None or plan.people.is_empty():
            continue
        rows = await asyncio.to_thread(
            rows_of,
            plan,
            campaign_id=row["campaign_id"],
            occurrence=occurrence,
            version=version,
            salt=row["salt"],
            contents=[content for _, content in draft.contents()],
            variants=draft.variants,
            now=now,
            rest=rest,
        )
        await store.copy_people(connection, rows)
