"""Letting people into a campaign: who may, and who is inside or was too lately."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.services.journeys.programmes import Programme
from backend.store import journeys as store
from backend.store import memberships
from backend.store.campaign_drafts import read_version
from backend.store.journeys import Entering
from backend.store.pool import Connection
from campaigns.trigger import OnEvent, OnSegment, Reentry, until_of
from segments.bits import BLOCK

OLDEST = timedelta(hours=1)
"""What comes later than this after it happened begins nothing: a push about it would puzzle whoever gets it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why somebody enters: an event or a change of hers, by its number, and when that was."""

    customer_id: int
    occurrence: int
    at: datetime


async def let_in(connection: Connection, programme: Programme, causes: Sequence[Cause], *, now: datetime) -> int:
    """Let in who may enter because of something that happened; gives how many entered."""
    wanted = [one for one in causes if _is_timely(programme, one.at, now)]
    draft = programme.draft
    if wanted and draft.segment_id is not None:
        members = await members_among(connection, draft.segment_id, {one.customer_id for one in wanted})
        wanted = [one for one in wanted if one.customer_id in members]
    if not wanted:
        return 0
    last = await store.last_entries(
        connection, campaign_id=programme.campaign_id, customer_ids={one.customer_id for one in wanted}
    )
    delay = draft.trigger.delay if isinstance(draft.trigger, OnEvent | OnSegment) else timedelta(0)
    entering = [
        Entering(
            customer_id=one.customer_id,
            occurrence=one.occurrence,
            entered_at=min(one.at, now),
            due_at=min(one.at, now) + delay,
        )
        for one in wanted
        if _may_enter(draft.reentry, last.get(one.customer_id), one.at)
    ]
    return await store.enter(
        connection, campaign_id=programme.campaign_id, version=programme.version, people=entering, now=now
    )


async def enter(
    connection: Connection,
    *,
    campaign_id: int,
    version: int,
    occurrence: int,
    customer_ids: Sequence[int],
    now: datetime,
) -> int:
    """Let the audience of a launch into its journey, in the launch's transaction; gives how many entered.

    Who is inside stays where she is; who was reached before enters as the campaign's re-entry says.
    """
    draft = await read_version(connection, campaign_id=campaign_id, version=version)
    match draft.reentry.mode:
        case "always":
            not_since: datetime | None = now
        case "never":
            not_since = None
        case "after":
            not_since = now - timedelta(days=draft.reentry.days or 0)
    return await store.enter_all(
        connection,
        campaign_id=campaign_id,
        version=version,
        occurrence=occurrence,
        customer_ids=customer_ids,
        not_since=not_since,
        now=now,
    )


async def members_among(connection: Connection, segment_id: int, customer_ids: Iterable[int]) -> set[int]:
    """Of some people the members of a segment, as memberships are kept."""
    asked = {*customer_ids}
    blocks = sorted({number // BLOCK for number in asked})
    kept = {
        block: bits
        for _, block, bits in await memberships.read_blocks(connection, segment_ids=[segment_id], blocks=blocks)
    }
    return {
        number
        for number in asked
        if (bits := kept.get(number // BLOCK)) is not None and bits[number % BLOCK // 8] >> number % 8 & 1
    }


def _is_timely(programme: Programme, at: datetime, now: datetime) -> bool:
    until = until_of(programme.draft.trigger)
    launched = programme.since is None or at >= programme.since
    return launched and at >= now - OLDEST and (until is None or at <= until)


def _may_enter(reentry: Reentry, last: tuple[datetime, bool] | None, at: datetime) -> bool:
    entered, inside = last or (None, False)
    return not inside and reentry.allows(entered, at)
