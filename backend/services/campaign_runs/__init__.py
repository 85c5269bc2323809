"""Launches campaigns whose moment has come: members, gates, draw, and the ledger, in one transaction.

Any number of workers may try at once: all decide the same from the same facts, the row lock lets one write,
and the others find the campaign no longer scheduled, or the occurrence launched.
"""

from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import JorenError
from backend.services.campaign_runs import entering, waiting
from backend.services.campaign_runs.gathering import Gathering
from backend.services.campaign_runs.launches import Enter, Launch, SegmentGone, failure_of
from backend.services.campaign_runs.writing import look_again, write_launch
from backend.store import campaign_drafts
from backend.store import campaigns as store
from backend.store import deliveries as delivery_store
from backend.store import shop as shop_store
from backend.store import waiting_launches as waiting_store
from backend.store.pool import Connection
from campaigns.audience import Audiences
from campaigns.campaign import Action, Draft, Kind, State, next_state
from campaigns.entries import Entry, Planned
from campaigns.errors import CampaignError
from campaigns.schedule import ONLY, RESOLUTION, Due, is_due, latest_due
from campaigns.trigger import REPEATING
from segments.errors import FactsError, RuleError

log = structlog.get_logger()


class CampaignRuns:
    """The launcher."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, audiences: Audiences, enter: Enter | None = None) -> None:
        """Launch with these audiences.

        Args:
            pool: to PostgreSQL.
            clock: tells now.
            audiences: gives the members of segments.
            enter: lets people into journeys; without it no journey is launched for a whole segment.
        """
        self._pool = pool
        self._clock = clock
        self._gathering = Gathering(pool, clock, audiences=audiences, journeys=enter is not None)
        self._enter = enter

    async def launch_due(self) -> int:
        """Launch every campaign that is due; one that cannot be does not hold up the others. Gives how many."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            await waiting.pass_over_expired(connection, now=now)
            due = await store.list_due(connection, now=now)
            approved = await waiting_store.list_approved(connection, now=now)
        launched = 0
        for campaign_id in due:
            launched += await self._try(campaign_id, self.launch(campaign_id))
        for each in approved:
            launched += await self._try(each["campaign_id"], self._launch_approved(each))
        return launched

    async def _try(self, campaign_id: int, launching: Coroutine[Any, Any, bool]) -> bool:
        try:
            return await launching
        except (JorenError, CampaignError, FactsError) as error:
            log.warning("campaign_not_launched", campaign_id=campaign_id, error=str(error))
            return False

    async def launch(self, campaign_id: int) -> bool:
        """Launch one campaign, or the next occurrence of one that repeats, if it is due; gives whether it did.

        It does not where somebody else was faster, and where it can never be launched: then the campaign fails, and says why.
        """
        async with self._pool.acquire() as connection:
            row = await store.get(connection, campaign_id=campaign_id)
        if row is None or not self._is_due(row):
            return False
        try:
            launched = await self._launch(row)
        except (RuleError, CampaignError, SegmentGone) as error:
            await self._fail(row, error)
            return False
        if launched:
            log.info("campaign_launched", campaign_id=campaign_id)
        return launched

    def _is_due(self, row: asyncpg.Record) -> bool:
        repeats = row["state"] == State.SENDING and is_due(row["next_at"], self._clock.now())
        return repeats or (row["state"] == State.SCHEDULED and is_due(row["scheduled_at"], self._clock.now()))

    async def _launch(self, row: asyncpg.Record) -> bool:
        draft = campaign_drafts.read_draft(row)
        if row["state"] == State.SENDING:
            return await self._repeat(row, draft)
        if draft.trigger.kind is Kind.ONCE:
            due = Due(ONLY, row["scheduled_at"], row["scheduled_at"].date())
            return await self._first(row, draft, await self._gathering.gather(row, draft, due))
        if not await self._first(row, draft, None):
            return False
        await self.launch(row["campaign_id"])  # its first occurrence may be due as well
        return True

    async def _first(self, row: asyncpg.Record, draft: Draft, launch: Launch | None) -> bool:
        """Put the first version in force: with the people of a single launch, or without any."""
        campaign_id, now = row["campaign_id"], self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SCHEDULED or held["revision"] != row["revision"]:
                return False
            if launch is not None and await waiting.wait_if_outgrown(connection, row, launch.targeted, now=now):
                return False
            next_state(State.SCHEDULED, Action.LAUNCH)
            version = await campaign_drafts.publish(
                connection, draft, campaign_id=campaign_id, now=now, by=row["edited_by"]
            )
            if launch is not None:
                await write_launch(connection, row, draft, launch, version=version, enter=self._enter, now=now)
            await store.set_launched(
                connection,
                campaign_id=campaign_id,
                planned_at=(launch.planned_at if launch else None) or now,
                expires_at=launch.expires_at if launch else None,
                segment_version=launch.segment_version if launch else None,
                targeted=launch.targeted if launch else 0,
                control=launch.control if launch else 0,
                now=now,
            )
            if draft.trigger.kind in REPEATING:
                await look_again(connection, row, draft, looked_at=row["scheduled_at"] - RESOLUTION)
        return True

    async def _repeat(self, row: asyncpg.Record, draft: Draft) -> bool:
        """The newest occurrence that is due, if there is one; those before it have passed."""
        campaign_id, now = row["campaign_id"], self._clock.now()
        async with self._pool.acquire() as connection:
            zone = (await shop_store.read_settings(connection)).zone
        due = latest_due(draft, after=row["looked_at"], now=now, zone=zone)
        launch = None if due is None else await self._gathering.gather(row, draft, due)
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SENDING or held["next_at"] != row["next_at"]:
                return False
            launched = False
            if launch is not None and due is not None:
                launched = not await waiting.hold_back_if_outgrown(
                    connection, row, due, launch.targeted, lasting=draft.expires_after, now=now
                )
                if launched:
                    await self._add(connection, row, draft, launch)
            await look_again(connection, row, draft, looked_at=due.at if due else now)
        return launched

    async def _launch_approved(self, approved: asyncpg.Record) -> bool:
        """A launch that a second person has approved, for the people of now."""
        campaign_id, now = approved["campaign_id"], self._clock.now()
        async with self._pool.acquire() as connection:
            row = await store.get(connection, campaign_id=campaign_id)
        if row is None:
            return False
        draft, due = (
            campaign_drafts.read_draft(row),
            Due(*(approved[name] for name in ("occurrence", "planned_at", "day"))),
        )
        try:
            launch = await self._gathering.gather(row, draft, due)
        except (RuleError, CampaignError, SegmentGone) as error:
            await self._fail(row, error)
            return False
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SENDING or held["revision"] != row["revision"]:
                return False
            if not await waiting_store.take(connection, campaign_id=campaign_id, occurrence=due.occurrence):
                return False
            if await waiting.hold_back_if_outgrown(
                connection,
                row,
                due,
                launch.targeted,
                lasting=draft.expires_after,
                now=now,
                approved_for=approved["people"],
            ):
                return False
            await self._add(connection, row, draft, launch)
        log.info("campaign_launched", campaign_id=campaign_id, occurrence=due.occurrence)
        return True

    async def _add(self, connection: Connection, row: asyncpg.Record, draft: Draft, launch: Launch) -> None:
        """One more launch of a campaign that repeats."""
        await write_launch(
            connection, row, draft, launch, version=row["version"], enter=self._enter, now=self._clock.now()
        )
        await store.add_launch(
            connection,
            campaign_id=row["campaign_id"],
            targeted=launch.targeted,
            control=launch.control,
            expires_at=launch.expires_at,
            segment_version=launch.segment_version,
        )

    async def _fail(self, row: asyncpg.Record, error: Exception) -> None:
        campaign_id, now, reason = row["campaign_id"], self._clock.now(), failure_of(error)
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["revision"] != row["revision"] or held["state"] != row["state"]:
                return
            next_state(State(held["state"]), Action.FAIL)
            await campaign_drafts.fail(connection, campaign_id=campaign_id, reason=reason, now=now)
            await delivery_store.cancel_rest(connection, campaign_id=campaign_id, now=now)
        log.warning("campaign_failed", campaign_id=campaign_id, reason=reason, error=str(error))

    async def plan_entries(
        self, connection: Connection, *, campaign_id: int, version: int, step: int, entries: Sequence[Entry]
    ) -> list[Planned]:
        """Pass people who enter one by one through the gates, draw them, and write their rows, in the caller's transaction.

        Idempotent: of an entry that has its row, what was decided then is told. A customer keeps the arm and the variant that she
        was given by the campaign before.

        Args:
            connection: in a transaction.
            campaign_id: the campaign.
            version: the one that they entered.
            step: of a journey; 0 where there are no steps.
            entries: in any order; at most one a customer and occurrence.

        Returns:
            What was decided, in the order of ``entries``.
        """
        return await entering.plan_entries(
            connection, campaign_id=campaign_id, version=version, step=step, entries=entries, now=self._clock.now()
        )
