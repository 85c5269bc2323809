"""A campaign's row as the values that pages know."""

import asyncpg

from backend.errors import NotFound
from backend.store import campaigns as store
from backend.store.pool import Connection
from campaigns.campaign import Draft, Policy, State, allowed_actions
from campaigns.overview import CampaignDetail, CampaignSummary


async def read(connection: Connection, campaign_id: int) -> asyncpg.Record:
    """One campaign's row.

    Raises:
        NotFound: there is none of that number.
    """
    row = await store.get(connection, campaign_id=campaign_id)
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign_not_found")
    return row


def summary_of(row: asyncpg.Record) -> CampaignSummary:
    """One line of the list."""
    return CampaignSummary(
        campaign_id=row["campaign_id"],
        name=row["name"],
        state=State(row["state"]),
        segment_id=row["segment_id"],
        segment_name=row["segment_name"],
        holdout_percent=row["holdout_percent"],
        scheduled_at=row["scheduled_at"],
        planned_at=row["planned_at"],
        finished_at=row["finished_at"],
        paused_reason=row["paused_reason"],
        targeted=row["targeted"],
        control=row["control"],
        accepted=row["accepted"],
        changed_at=row["changed_at"],
        revision=row["revision"],
    )


def draft_of(row: asyncpg.Record) -> Draft:
    """What a marketer decided."""
    return Draft(
        name=row["name"],
        segment_id=row["segment_id"],
        content=store.read_content(row["content"]),
        holdout_percent=row["holdout_percent"],
        policy=Policy(row["policy"]),
        conversion_event=row["conversion_event"],
        conversion_days=row["conversion_days"],
        scheduled_at=row["scheduled_at"],
        expires_after=row["expires_after"],
    )


def detail_of(row: asyncpg.Record) -> CampaignDetail:
    """Everything about one campaign."""
    return CampaignDetail(
        summary=summary_of(row),
        draft=draft_of(row),
        segment_version=row["segment_version"],
        actions=allowed_actions(State(row["state"])),
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
