"""Launches campaigns whose moment has come: members, gates, draw, and the ledger, in one transaction.

Any number of workers may try at once: all decide the same from the same facts, the row lock lets one write,
and the others find the campaign no longer scheduled, or the occurrence launched.
"""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from backend.clock import Clock
from backend.errors import JorenError
from backend.services.campaign_runs import entering
from backend.store import audience as audience_store
from backend.store import campaign_drafts
from backend.store import campaigns as store
from backend.store.pool import Connection
from campaigns.audience import MERGE_COLUMNS, Audiences, Members
from campaigns.campaign import Action, Draft, State, next_state
from campaigns.entries import Entry, Planned
from campaigns.errors import CampaignError
from campaigns.experiment import ArmName
from campaigns.gates import Plan
from campaigns.ledger import rows_of
from campaigns.schedule import is_due
from campaigns.trigger import SET_BASED
from segments.errors import FactsError

ONLY = 1
"""The occurrence of a campaign that is sent once."""

log = structlog.get_logger()


class CampaignRuns:
    """The launcher."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, audiences: Audiences) -> None:
        self._pool = pool
        self._clock = clock
        self._audiences = audiences

    async def launch_due(self) -> int:
        """Launch every campaign that is due; one that cannot be does not hold up the others. Gives how many."""
        async with self._pool.acquire() as connection:
            due = await store.list_due(connection, now=self._clock.now())
        launched = 0
        for campaign_id in due:
            try:
                launched += await self.launch(campaign_id)
            except (JorenError, CampaignError, FactsError) as error:
                log.warning("campaign_not_launched", campaign_id=campaign_id, error=str(error))
        return launched

    async def launch(self, campaign_id: int) -> bool:
        """Launch one campaign if it is due; False when it is not, or when somebody else was faster."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            row = await store.get(connection, campaign_id=campaign_id)
        if row is None or row["state"] != State.SCHEDULED or not is_due(row["scheduled_at"], now):
            return False
        draft = campaign_drafts.read_draft(row)
        planned = await self._plan(draft, row["salt"]) if draft.kind in SET_BASED else None
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SCHEDULED or held["revision"] != row["revision"]:
                return False
            await self._begin(connection, row, draft, planned)
        log.info("campaign_launched", campaign_id=campaign_id, people=planned[0].people.height if planned else None)
        return True

    async def launch_occurrence(
        self, campaign_id: int, *, occurrence: int, draft: Draft, version: int, salt: str
    ) -> bool:
        """Launch one more occurrence of a campaign that is sending; False where it does not send, or when it was launched before."""
        plan, members = await self._plan(draft, salt)
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SENDING:
                return False
            if await store.has_occurrence(connection, campaign_id=campaign_id, occurrence=occurrence):
                return False
            await self._write(
                connection, draft, plan, campaign_id=campaign_id, occurrence=occurrence, version=version, salt=salt,
                segment_version=members.version,
            )  # fmt: skip
        return True

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

    async def _plan(self, draft: Draft, salt: str) -> tuple[Plan, Members]:
        assert draft.segment_id is not None  # noqa: S101 - a draft without one is not launched as a set
        members = await self._audiences.members(draft.segment_id, columns=MERGE_COLUMNS)
        return await audience_store.plan(self._pool, draft, members.frame, salt=salt, now=self._clock.now()), members

    async def _begin(
        self, connection: Connection, row: asyncpg.Record, draft: Draft, planned: tuple[Plan, Members] | None
    ) -> None:
        campaign_id, now = row["campaign_id"], self._clock.now()
        next_state(State(row["state"]), Action.LAUNCH)
        version = await campaign_drafts.publish(
            connection, draft, campaign_id=campaign_id, now=now, by=row["edited_by"]
        )
        if planned is not None:
            plan, members = planned
            await self._write(
                connection, draft, plan, campaign_id=campaign_id, occurrence=ONLY, version=version, salt=row["salt"],
                segment_version=members.version,
            )  # fmt: skip
        await store.set_launched(
            connection,
            campaign_id=campaign_id,
            planned_at=planned[0].planned_at if planned else now,
            expires_at=planned[0].expires_at if planned else None,
            segment_version=planned[1].version if planned else None,
            targeted=planned[0].people.height if planned else 0,
            control=planned[0].arm(ArmName.CONTROL).height if planned else 0,
            now=now,
        )

    async def _write(
        self,
        connection: Connection,
        draft: Draft,
        plan: Plan,
        *,
        campaign_id: int,
        occurrence: int,
        version: int,
        salt: str,
        segment_version: int,
    ) -> None:
        now = self._clock.now()
        rows = await asyncio.to_thread(
            rows_of,
            plan,
            campaign_id=campaign_id,
            occurrence=occurrence,
            version=version,
            salt=salt,
            contents=[content for _, content in draft.contents()],
            variants=draft.variants,
            now=now,
        )
        await store.copy_people(connection, rows)
        await store.add_occurrence(
            connection,
            campaign_id=campaign_id,
            occurrence=occurrence,
            version=version,
            segment_version=segment_version,
            planned_at=plan.planned_at,
            expires_at=plan.expires_at,
            targeted=plan.people.height,
            control=plan.arm(ArmName.CONTROL).height,
            now=now,
        )
