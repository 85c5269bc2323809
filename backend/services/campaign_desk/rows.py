"""A campaign's row as the values that pages know."""

import asyncpg

from backend.errors import NotFound
from backend.store import campaign_drafts as drafts
from backend.store import campaigns as store
from backend.store.pool import Connection
from campaigns.campaign import Action, Draft, Kind, State, allowed_actions
from campaigns.definition import from_json
from campaigns.overview import CampaignDetail, CampaignSummary, Review
from campaigns.states import TRANSITIONS
from campaigns.winner import Test
from campaigns.winner import from_json as decision_of


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
        segment_name=row["segment_name"] or "",
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
        kind=Kind(row["kind"]),
        tags=tuple(row["more"].get("tags", ())),
        failed_reason=row["failed_reason"],
        next_at=row["next_at"],
        version=row["version"],
        archived=row["archived_at"] is not None,
        waiting=row["waiting"],
    )


def draft_of(row: asyncpg.Record) -> Draft:
    """What a marketer decided."""
    return drafts.read_draft(row)


def detail_of(row: asyncpg.Record) -> CampaignDetail:
    """Everything about one campaign."""
    draft = draft_of(row)
    return CampaignDetail(
        summary=summary_of(row),
        draft=draft,
        segment_version=row["segment_version"],
        actions=_actions(row, draft),
        created_at=row["created_at"],
        created_by=row["created_by"],
        review=_review_of(row),
        test=test_of(row, draft),
    )


def test_of(row: asyncpg.Record, draft: Draft) -> Test | None:
    """How the winner of its variants is found, and what was decided; None without such a rule."""
    if draft.winner is None:
        return None
    kept = row["test_decision"]
    return Test(
        rule=draft.winner,
        decides_at=row["test_due_at"],
        decided_at=row["test_decided_at"],
        as_of=row["test_as_of"],
        decision=decision_of(kept) if kept is not None else None,
    )


def _actions(row: asyncpg.Record, draft: Draft) -> tuple[Action, ...]:
    """A new version that waits can be approved as long as the campaign runs, and rejected at any time."""
    state = State(row["state"])
    allowed = allowed_actions(state, runs_on=draft.runs_on)
    if row["proposal"] is None:
        return allowed
    return (*allowed, *((Action.APPROVE,) if (state, Action.PUBLISH) in TRANSITIONS else ()), Action.REJECT)


def _review_of(row: asyncpg.Record) -> Review:
    return Review(
        audience=row["audience"],
        edited_by=row["edited_by"],
        submitted_by=row["submitted_by"],
        by=row["reviewed_by"],
        at=row["reviewed_at"],
        comment=row["review_comment"],
        proposal=from_json(row["proposal"]) if row["proposal"] is not None else None,
        proposed_by=row["proposed_by"],
    )
