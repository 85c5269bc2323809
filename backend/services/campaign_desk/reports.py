"""The report: where everyone stands (from the ledger) and what followed (from the lake)."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Protocol

import asyncpg
import polars as pl

from backend.services.campaign_desk.rows import draft_of, summary_of
from backend.store import campaigns as store
from backend.store import shop as shop_store
from campaigns.attribution import INFLUENCE, Followed, follow, weighty_events, window_end
from campaigns.effect import judge
from campaigns.overview import CampaignReport, Opens
from campaigns.preview import removed
from campaigns.report import People, PeopleGroup, add_up
from segments.history import MERGES
from segments.reduce.trust import TAKEN_BACK
from segments.windows import Window

_ARMS = {"customer_id": pl.Int64(), "arm": pl.String(), "accepted": pl.Boolean()}


class Facts(Protocol):
    """What happened, from the lake."""

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        """The lake's events, of the business days of ``window`` only where one is given."""
        ...

    def customer_days(self) -> pl.LazyFrame:
        """What is counted of each customer's days."""
        ...

    def raw_since(self) -> date | None:
        """The first business day of which all events are there; None where none were ever dropped."""
        ...

    def as_of(self) -> datetime:
        """Up to when facts are there."""
        ...


async def report(pool: asyncpg.Pool, row: asyncpg.Record, *, facts: Facts) -> CampaignReport:
    """The figures of one campaign; a campaign that was never launched has neither opens nor effect."""
    campaign_id = row["campaign_id"]
    async with pool.acquire() as connection:
        people = add_up([_group(group) for group in await store.count_people(connection, campaign_id=campaign_id)])
        devices = await store.count_devices(connection, campaign_id=campaign_id)
    as_of = await asyncio.to_thread(facts.as_of)
    followed = await _follow(pool, row, facts) if row["planned_at"] else None
    draft, planned_at = draft_of(row), row["planned_at"]
    return CampaignReport(
        summary=summary_of(row),
        as_of=as_of,
        people=people,
        removed=removed(people.left_out),
        devices=devices,
        received=followed.received if followed else 0,
        opens=_opens(followed, people) if followed else None,
        effect=judge(
            followed.treated,
            followed.control,
            ends_at=window_end(planned_at, draft.conversion_days),
            as_of=as_of,
            left_out_merged=followed.left_out_merged,
        )
        if followed
        else None,
        dropped=bool(row["planned_at"]) and followed is None,
    )


def _group(row: asyncpg.Record) -> PeopleGroup:
    return PeopleGroup(
        arm=row["arm"],
        left_out=row["left_out"],
        state=row["state"],
        reason=row["reason"],
        states=frozenset(row["states"]),
        reasons=frozenset(row["reasons"]),
        people=row["people"],
    )


def _opens(followed: Followed, people: People) -> Opens:
    return Opens(
        direct=followed.direct,
        influenced=followed.influenced,
        window_hours=int(INFLUENCE / timedelta(hours=1)),
        of=people.accepted,
    )


async def _follow(pool: asyncpg.Pool, row: asyncpg.Record, facts: Facts) -> Followed | None:
    """What followed a launch; None where events of its days were dropped, for the rest would be too few."""
    draft, planned_at = draft_of(row), row["planned_at"]
    async with pool.acquire() as connection:
        arms = await store.list_arms(connection, campaign_id=row["campaign_id"])
        merged = await store.list_survivors(connection)
        calendar = (await shop_store.read_settings(connection)).calendar
    last = calendar.business_day(window_end(planned_at, draft.conversion_days))
    window = Window(calendar.business_day(planned_at), last)
    people = pl.LazyFrame([tuple(one) for one in arms], schema=_ARMS, orient="row")
    survivors = pl.LazyFrame([tuple(one) for one in merged], schema=MERGES, orient="row")
    followed = await asyncio.to_thread(_follow_now, row, people, survivors, facts, window)
    since = await asyncio.to_thread(facts.raw_since)  # asked last: no day is dropped unseen while we read
    return followed if since is None or window.first >= since else None


def _follow_now(
    row: asyncpg.Record, people: pl.LazyFrame, survivors: pl.LazyFrame, facts: Facts, window: Window
) -> Followed:
    return follow(
        people,
        facts.events(window),
        survivors=survivors,
        campaign_id=row["campaign_id"],
        conversion_event=row["conversion_event"],
        planned_at=row["planned_at"],
        conversion_days=row["conversion_days"],
        proven=_proven(facts, row["conversion_event"]),
    )


def _proven(facts: Facts, conversion_event: str) -> frozenset[str]:
    """Weighty events that some trusted source has ever reported: of these, untrusted ones do not count."""
    names = weighty_events(conversion_event)
    asked = {*names, *(TAKEN_BACK[name] for name in names if name in TAKEN_BACK)}
    told = (
        facts.customer_days().filter(pl.col("event").is_in(sorted(asked)) & pl.col("trusted")).select("event").unique()
    )
    found = {*told.collect().get_column("event")}
    return frozenset(name for name in names if name in found or TAKEN_BACK.get(name) in found)
