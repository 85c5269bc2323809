"""The dry run: the launch's own decisions, counted and thrown away."""

from dataclasses import replace
from datetime import datetime

import asyncpg
import polars as pl

from backend.services.campaign_desk.rows import draft_of
from backend.store import audience as audience_store
from backend.store import deliveries as delivery_store
from backend.store import shop as shop_store
from campaigns.audience import MERGE_COLUMNS, Audiences
from campaigns.campaign import Content
from campaigns.gates import Plan
from campaigns.overview import DryRun, Sample
from campaigns.preview import Person, base_rate, sample, sampled, summarise
from segments.customers import days_column


async def dry_run(pool: asyncpg.Pool, row: asyncpg.Record, *, audiences: Audiences, now: datetime) -> DryRun:
    """What a launch at ``now`` would do; of one that an event begins for anybody, what it would do if it began for everybody."""
    draft = draft_of(row)
    columns = (*MERGE_COLUMNS, "as_of", days_column(draft.conversion_event))
    members = await audiences.members(draft.segment_id, columns=columns)
    plan = await audience_store.plan(pool, draft, members.frame, salt=row["salt"], now=now)
    found = summarise(
        plan,
        campaign_id=row["campaign_id"],
        revision=row["revision"],
        as_of=members.as_of,
        samples=await _samples(pool, plan, next(content for _, content in draft.contents())),
        rate=base_rate(members.frame, event=draft.conversion_event, days=draft.conversion_days),
    )
    return replace(found, known_since=members.known_since)


async def _samples(pool: asyncpg.Pool, plan: Plan, content: Content) -> list[Sample]:
    chosen: pl.DataFrame = sampled(plan)
    async with pool.acquire() as connection:
        names = await delivery_store.read_names(connection, customer_ids=chosen["customer_id"].to_list())
        currency = (await shop_store.read_settings(connection)).currency
    people = {row["customer_id"]: Person(row["language"], row["family_name"], row["given_name"]) for row in names}
    rows = chosen.to_dicts()
    known = [row for row in rows if row["customer_id"] in people]
    found = [sample(row, people[row["customer_id"]], content, currency=currency) for row in known]
    return [one for one in found if one is not None]
