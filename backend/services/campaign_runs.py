"""Launches campaigns whose moment has come: members, gates, draw, and the ledger, in one transaction.

Any number of workers may try at once: all decide the same from the same facts, the row lock lets one write,
and the others find the campaign no longer scheduled.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import asyncpg
import polars as pl
import structlog

from backend.clock import Clock
from backend.errors import JorenError
from backend.store import audience as audience_store
from backend.store import campaign_drafts
from backend.store import campaigns as store
from backend.store import shop as shop_store
from backend.store.pool import Connection
from campaigns.audience import MERGE_COLUMNS, Audiences
from campaigns.campaign import Action, Content, State, next_state
from campaigns.errors import CampaignError
from campaigns.experiment import ArmName
from campaigns.fields import FIELDS, clean
from campaigns.gates import Plan, decide
from campaigns.schedule import is_due
from campaigns.templates import fields_of
from segments.errors import FactsError

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
        members = await self._audiences.members(row["segment_id"], columns=MERGE_COLUMNS)
        plan = await self._decide(row, members.frame)
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SCHEDULED or held["revision"] != row["revision"]:
                return False
            await self._save(connection, row, plan, segment_version=members.version)
        log.info("campaign_launched", campaign_id=campaign_id, people=plan.people.height)
        return True

    async def _decide(self, row: asyncpg.Record, members: pl.DataFrame) -> Plan:
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            rules = (await shop_store.read_settings(connection)).sending
            content = store.read_content(row["content"])
            audience = await audience_store.read(connection, members, content=content, rules=rules, now=now)
        return await asyncio.to_thread(
            decide,
            audience,
            rules=rules,
            salt=row["salt"],
            holdout_percent=row["holdout_percent"],
            now=now,
            expires_at=now + row["expires_after"],
        )

    async def _save(self, connection: Connection, row: asyncpg.Record, plan: Plan, *, segment_version: int) -> None:
        campaign_id, now = row["campaign_id"], self._clock.now()
        next_state(State(row["state"]), Action.LAUNCH)
        content = store.read_content(row["content"])
        draft = campaign_drafts.read_draft(row)
        await campaign_drafts.publish(connection, draft, campaign_id=campaign_id, now=now, by=row["edited_by"])
        await store.copy_people(connection, _records(campaign_id, plan, content, now=now))
        await store.add_occurrence(
            connection,
            campaign_id=campaign_id,
            occurrence=1,
            version=1,
            segment_version=segment_version,
            planned_at=plan.planned_at,
            expires_at=plan.expires_at,
            targeted=plan.people.height,
            control=plan.arm(ArmName.CONTROL).height,
            now=now,
        )
        await store.set_launched(
            connection,
            campaign_id=campaign_id,
            planned_at=plan.planned_at,
            expires_at=plan.expires_at,
            segment_version=segment_version,
            targeted=plan.people.height,
            control=plan.arm(ArmName.CONTROL).height,
            now=now,
        )


def _records(campaign_id: int, plan: Plan, content: Content, *, now: datetime) -> Iterator[tuple[object, ...]]:
    """Everyone of the launch, with the merge fields of those who are to get the push."""
    used = fields_of(content)
    columns = {field.name: field.column for field in FIELDS if field.column and field.name in used}
    expired = plan.planned_at >= plan.expires_at
    for person in plan.people.iter_rows(named=True):
        treated = person["arm"] == ArmName.TREATED
        values = clean({name: person[column] for name, column in columns.items()}) if treated else {}
        state = None if not treated else "expired" if expired else "planned"
        yield (
            campaign_id,
            1,
            person["customer_id"],
            1,
            person["arm"],
            person["left_out"],
            state,
            plan.planned_at,
            plan.planned_at,
            plan.expires_at,
            now,
            values,
        )
