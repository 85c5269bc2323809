"""A look at a campaign that is not kept yet."""

from collections.abc import Awaitable, Callable

import asyncpg

from backend.clock import Clock
from backend.errors import NotFound
from backend.services.campaign_desk import moves
from backend.store import shop as shop_store
from campaigns.campaign import Draft
from campaigns.draft_preview import UPCOMING, Audience, DraftPreview
from campaigns.schedule import upcoming
from segments.preview import Count


class CampaignPreviews:
    """What the editor tells of a campaign while it is written, for a draft as a whole.

    Args:
        count: how large a segment is now.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, count: Callable[[int], Awaitable[Count]]) -> None:
        self._pool = pool
        self._clock = clock
        self._count = count

    async def preview(self, draft: Draft) -> DraftPreview:
        """When it would be launched and for how many; nothing is stored, and a name that is taken is no hindrance.

        Raises:
            BadInput: a draft that does not stand, naming the field.
        """
        moves.check(draft)
        async with self._pool.acquire() as connection:
            await moves.check_segments(connection, draft)
            zone = (await shop_store.read_settings(connection)).zone
        due = upcoming(draft.trigger, begins=draft.scheduled_at, after=self._clock.now(), zone=zone, count=UPCOMING)
        return DraftPreview(
            launches=tuple(each.at for each in due), zone=zone, audience=await self._audience(draft.segment_id)
        )

    async def _audience(self, segment_id: int | None) -> Audience | None:
        if segment_id is None:
            return None
        try:
            found = await self._count(segment_id)
        except NotFound:  # the segment was there: nobody's facts are yet
            return None
        return Audience(total=found.size, reachable=found.reachable, as_of=found.as_of, known_since=found.known_since)
