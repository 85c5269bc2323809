"""Decides tests whose moment has come: once, out of what is known then, kept with its figures."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import polars as pl
import structlog

from backend.clock import Clock
from backend.services.campaign_desk import moves
from backend.services.campaign_desk.reports import Facts, follow, gather, read_ledger
from backend.services.campaign_desk.rows import draft_of
from backend.store import campaign_tests as tests
from backend.store import campaigns as store
from backend.store import webhooks
from campaigns.campaign import Draft, State
from campaigns.notices import Notice, NoticeType
from campaigns.results import tried
from campaigns.winner import Decision, WinnerRule, decide, to_json, without_facts
from segments.errors import FactsError

PATIENCE = timedelta(hours=1)
"""How long a decision waits for facts up to its moment; half of how long the messages live, where that is shorter."""
UNREADABLE = (FactsError, pl.exceptions.PolarsError, FileNotFoundError)
"""Days of the lake that are damaged or gone."""
BY_ITSELF = "joren"
"""Who decides, in the audit: nobody of the shop."""

log = structlog.get_logger()


class CampaignTests:
    """Decides what the rest of an audience gets. Any number of workers may run it: one decides, the others find it decided."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, facts: Facts) -> None:
        self._pool = pool
        self._clock = clock
        self._facts = facts

    async def decide_due(self) -> int:
        """Decide every test whose moment has come and of which it is known what people did until then; gives how many."""
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            due = await tests.list_open(connection, now=now)
        if not due:
            return 0
        as_of = await asyncio.to_thread(self._facts.as_of)
        return sum([await self._decide(row["campaign_id"], row["due_at"], as_of=as_of) for row in due])

    async def _decide(self, campaign_id: int, due_at: datetime, *, as_of: datetime) -> bool:
        async with self._pool.acquire() as connection:
            row = await store.get(connection, campaign_id=campaign_id)
        draft = draft_of(row) if row is not None else None
        if row is None or draft is None or draft.winner is None:
            return False
        late = self._clock.now() >= due_at + min(PATIENCE, draft.expires_after / 2)
        if as_of < due_at and not late:
            return False
        try:
            decision = await self._judge(row, draft, draft.winner, known=as_of >= due_at)
        except UNREADABLE as error:  # of its days alone: the tests of other campaigns go on
            log.warning("campaign_test_unreadable", campaign_id=campaign_id, error=str(error), gives_up=late)
            if not late:
                return False
            decision = without_facts(draft.winner, draft.variants)
        return await self._keep(campaign_id, decision, as_of=as_of)

    async def _judge(self, row: asyncpg.Record, draft: Draft, rule: WinnerRule, *, known: bool) -> Decision:
        standing, devices = await read_ledger(self._pool, row["campaign_id"])
        gathered = await gather(self._pool, row, self._facts, standing=standing, devices=devices) if known else None
        followed = await asyncio.to_thread(follow, gathered, self._facts) if gathered is not None else None
        if followed is None:
            return without_facts(rule, draft.variants)
        names = [variant.name for variant in draft.variants]
        counted = await asyncio.to_thread(tried, followed, measure=rule.measure, variants=names)
        return decide(rule, counted)

    async def _keep(self, campaign_id: int, decision: Decision, *, as_of: datetime) -> bool:
        """In one transaction with audit and notice, under the campaign's lock: nobody stops or pauses it meanwhile."""
        now, figures = self._clock.now(), to_json(decision)
        async with self._pool.acquire() as connection, connection.transaction():
            held = await store.lock(connection, campaign_id=campaign_id)
            if held is None or held["state"] != State.SENDING:
                return False
            first = await tests.decide(
                connection, campaign_id=campaign_id, variant=decision.variant, decision=figures, as_of=as_of, now=now
            )
            if not first:
                return False
            await moves.audit(connection, "winner", campaign_id, by=BY_ITSELF, now=now, **figures)
            data = {"campaign_id": campaign_id, "name": held["name"], **figures}
            await webhooks.publish(connection, Notice(NoticeType.CAMPAIGN_WINNER, now, data))
        log.info("campaign_winner_decided", campaign_id=campaign_id, variant=decision.variant, why=decision.why)
        return True
