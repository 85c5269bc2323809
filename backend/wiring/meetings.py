"""Where services meet that do not know each other: what one asks for as a port, the other gives."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from backend.lake.frame import CustomerFrame
from backend.lake.tables import Lake
from backend.services.campaign_runs import CampaignRuns
from backend.services.campaign_runs.entering import sent_at
from backend.services.insights import Insights
from backend.services.segment_runs import SegmentRuns
from backend.store.campaign_drafts import read_version
from backend.store.pool import Connection
from campaigns.audience import Members
from campaigns.campaign import Draft
from campaigns.entries import Entry
from campaigns.fields import FIELDS
from campaigns.templates import fields_of
from segments.membership import population
from segments.reduce.days import BUCKETS
from segments.windows import Window


@dataclass(frozen=True, slots=True)
class SegmentAudiences:
    """Members of segments for campaigns: services do not know each other, so they meet here."""

    segment_runs: SegmentRuns
    frame: CustomerFrame

    async def members(
        self, segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        """See `campaigns.audience.Audiences`."""
        if among is not None:
            return await self._known(segment_id, columns, among)
        if segment_id is None:
            version, rows = 0, population(self.frame.read().frame, exclude_test_accounts=True)
            since = None
        else:
            version = (await self.segment_runs.get(segment_id)).segment.version
            rows = await self.segment_runs.members(segment_id, version=version)
            since = await self.segment_runs.known_since(segment_id)
        view = self.frame.read()
        found = await asyncio.to_thread(_narrowed(rows, columns).collect)
        return Members(frame=found, as_of=view.as_of, version=version, day=view.day, known_since=since)

    async def _known(self, segment_id: int | None, columns: tuple[str, ...], numbers: Collection[int]) -> Members:
        """Those who were found to be members a moment ago: neither their rule nor what it asks is worked out again."""
        version = 0 if segment_id is None else (await self.segment_runs.get(segment_id)).segment.version
        view = self.frame.read()
        theirs = view.frame.filter(pl.col("customer_id").is_in(list(numbers)))
        found = await asyncio.to_thread(_narrowed(theirs, columns).collect)
        return Members(frame=found, as_of=view.as_of, version=version, day=view.day)


def _narrowed(rows: pl.LazyFrame, columns: tuple[str, ...]) -> pl.LazyFrame:
    known = rows.collect_schema().names()
    return rows.select("customer_id", *(column for column in columns if column in known))


async def bought_together(insights: Insights) -> tuple[str, str] | None:
    """The two categories that are bought together most, by how much oftener than chance; None where none is."""
    result = await insights.kpi("product_affinity", options={"level": "category", "sort": "lift", "rows": 1})
    sheet = result.measured.sheet
    if sheet is None or not sheet.rows:
        return None
    places = [column.name for column in sheet.columns]
    first, second = (sheet.rows[0][places.index(name)] for name in ("item", "with"))
    return str(first), str(second)


@dataclass(frozen=True, slots=True)
class JourneySends:
    """Pushes of journeys, put into the ledger with what their texts say of a person; see `backend.services.journeys.acting`."""

    runs: CampaignRuns
    frame: CustomerFrame

    async def __call__(
        self,
        connection: Connection,
        *,
        campaign_id: int,
        version: int,
        step: int,
        people: Sequence[tuple[int, int]],
        at: datetime,
    ) -> list[str]:
        """Plan one step's push for people, each with her occurrence; gives the arm of each, or why she is left out."""
        draft = await read_version(connection, campaign_id=campaign_id, version=version)
        values = await self._values(draft, step, [who for who, _ in people])
        entries = [
            Entry(customer_id=who, occurrence=occurrence, planned_at=at, values=values.get(who, {}))
            for who, occurrence in people
        ]
        planned = await self.runs.plan_entries(
            connection, campaign_id=campaign_id, version=version, step=step, entries=entries
        )
        return [str(one.left_out or one.arm) for one in planned]

    async def _values(self, draft: Draft, step: int, customer_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """What the frame knows of the fields that the texts of a step use."""
        used = {name for content in sent_at(draft, step).contents for name in fields_of(content)}
        frame = self.frame.read().frame
        known = frame.collect_schema().names()
        columns = {field.column: field.name for field in FIELDS if field.name in used and field.column in known}
        if not columns:
            return {}
        own = frame.filter(pl.col("customer_id").is_in(list(customer_ids))).select("customer_id", *columns)
        rows = (await asyncio.to_thread(own.collect)).rename(columns).to_dicts()
        return {row.pop("customer_id"): row for row in rows}


@dataclass(frozen=True, slots=True)
class LakeFacts:
    """What happened, for campaign reports."""

    lake: Lake
    frame: CustomerFrame

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        """The lake's events."""
        return self.lake.events(window)

    def customer_days(self) -> pl.LazyFrame:
        """What is counted of each customer's days."""
        return self.lake.customer_days()

    def as_of(self) -> datetime:
        """Up to when they are there."""
        return self.frame.read().as_of

    async def rows_of(self, customer_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Everything the lake holds of these customers, oldest first: of days whose events were dropped what is counted of each."""
        theirs = pl.col("customer_id").is_in(list(customer_ids))
        own = self.lake.events().filter(theirs).sort("occurred_at", "seq")
        rows = (await asyncio.to_thread(own.collect)).to_dicts()
        since = await asyncio.to_thread(self.lake.raw_since)
        if since is None:
            return rows
        days = self.lake.customer_days({number % BUCKETS for number in customer_ids}).filter(theirs)
        counted = days.filter(pl.col("business_day") < since).sort("first_at", "first_seq").drop("bucket")
        return [*(await asyncio.to_thread(counted.collect)).to_dicts(), *rows]

    def raw_since(self) -> date | None:
        """The first business day of which all events are there; None where none were ever dropped."""
        return self.lake.raw_since()
