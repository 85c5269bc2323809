"""Whom one launch is for: the members of the segment whose moment it is, and what the gates decide about them."""

from datetime import timedelta

import asyncpg
import polars as pl

from backend.clock import Clock
from backend.errors import Unavailable
from backend.services.campaign_runs.launches import Launch, SegmentGone
from backend.store import audience as audience_store
from backend.store import campaigns as store
from campaigns.audience import Audiences, merge_columns
from campaigns.campaign import Draft
from campaigns.dates import columns_of, whose_date
from campaigns.schedule import Due
from campaigns.trigger import OnDate


class Gathering:
    """Reads; writes nothing. Done before the transaction that launches, which looks again whether it is still asked for."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, audiences: Audiences, journeys: bool) -> None:
        """Gather from these audiences.

        Args:
            pool: to PostgreSQL.
            clock: tells now.
            audiences: gives the members of segments.
            journeys: whether somebody lets people into journeys here.
        """
        self._pool = pool
        self._clock = clock
        self._audiences = audiences
        self._journeys = journeys

    async def gather(self, row: asyncpg.Record, draft: Draft, due: Due) -> Launch:
        """Whom an occurrence is for and, where it sends by itself, what the gates decide about them.

        Args:
            row: of the campaign.
            draft: what it says, with a segment.
            due: the occurrence.

        Raises:
            SegmentGone: the segment was archived.
            Unavailable: it is a journey and nobody lets people in.
        """
        assert draft.segment_id is not None  # noqa: S101 - a draft without one is not launched as a set
        async with self._pool.acquire() as connection:
            if not await store.has_segment(connection, segment_id=draft.segment_id):
                raise SegmentGone
        trigger = draft.trigger
        asked = columns_of(trigger) if isinstance(trigger, OnDate) else ()
        used = () if draft.steps else merge_columns(content for _, content in draft.contents())
        members = await self._audiences.members(draft.segment_id, columns=tuple(dict.fromkeys((*used, *asked))))
        people = members.frame
        if isinstance(trigger, OnDate):
            people = whose_date(people, trigger, day=due.day)
            people = people.filter(~pl.col("customer_id").is_in(await self._barred(row, draft)))
        if draft.steps:
            if not self._journeys:
                raise Unavailable("Nobody here lets people into journeys.", code="no_journeys")
            return Launch(due.occurrence, people["customer_id"].to_list(), None, members.version)
        decided = row["test_decided_at"] is not None
        phases = await audience_store.plan_phases(
            self._pool, draft, people, salt=row["salt"], now=self._clock.now(), decided=decided
        )
        return Launch(due.occurrence, [], phases, members.version)

    async def _barred(self, row: asyncpg.Record, draft: Draft) -> list[int]:
        """Customers whom it has reached and cannot reach again yet; journeys ask that of each who enters."""
        reentry = draft.reentry
        if reentry.mode == "always" or draft.steps:
            return []
        since = self._clock.now() - timedelta(days=reentry.days or 0) if reentry.mode == "after" else None
        async with self._pool.acquire() as connection:
            return await store.list_entered(connection, campaign_id=row["campaign_id"], since=since)
