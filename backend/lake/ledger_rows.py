"""What campaigns did to some customers, for rules: PostgreSQL's ledger of accepted pushes, and what followed them in the lake."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from backend.lake.asked_sources import Sources, Standing
from campaigns import messages
from campaigns.messages import Launched
from segments.calendar import BusinessCalendar
from segments.history import under_survivors
from segments.rules.behaviour import CAMPAIGN_OPENED, CAMPAIGN_RECEIVED, Behaviour


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of a few customers.

    Attributes:
        sources: who was sent what.
        standing: merges, calendar, and the moment from which minutes count back.
        verified: weighty events for which the word of a trusted source stands.
        events: the lake's events that some campaigns may count, merges applied (`COLUMNS` at least).
        customers: every number of those who are asked about.
    """

    sources: Sources
    standing: Standing
    verified: Collection[str]
    events: Callable[[list[Launched]], pl.LazyFrame]
    customers: Sequence[int]

    async def rows(self, behaviour: Behaviour) -> pl.DataFrame:
        """The occurrences of a behaviour of `segments.rules.behaviour.LEDGER_EVENTS`, with filters on campaigns.

        `OCCURRENCES`, ``business_day`` and ``times``, merges applied.
        """
        if behaviour.event == CAMPAIGN_RECEIVED:
            accepted = await self.sources.received(named(behaviour), self.customers)
            merged = under_survivors(accepted.lazy(), self.standing.survivors)
            rows = await asyncio.to_thread(messages.received(merged).collect)
        elif behaviour.event == CAMPAIGN_OPENED:
            campaigns = await self.sources.launched(named(behaviour))
            rows = await asyncio.to_thread(lambda: messages.opened(self.events(campaigns), campaigns).collect())
        else:
            rows = await self._converted(await self.sources.launched(named(behaviour)))
        return kept(rows.lazy(), behaviour, self.standing).collect()

    async def days_since_push(self, day: date) -> pl.DataFrame:
        """``customer_id`` and ``days_since_push``: business days from the last accepted push to ``day``."""
        pushes = under_survivors((await self.sources.last_pushes(self.customers)).lazy(), self.standing.survivors)
        return await asyncio.to_thread(days_since(pushes, day, self.standing.calendar).collect)

    async def _converted(self, campaigns: list[Launched]) -> pl.DataFrame:
        succeeded = await asyncio.to_thread(self._succeeded, campaigns)
        people = await self.sources.arms([one.campaign_id for one in campaigns], self._numbers_of(succeeded))
        arms = under_survivors(people.lazy(), self.standing.survivors)
        return await asyncio.to_thread(messages.converted(succeeded.lazy(), arms).collect)

    def _succeeded(self, campaigns: list[Launched]) -> pl.DataFrame:
        events = self.events(campaigns).collect().lazy()  # a few people's: read once for all campaigns
        return messages.succeeded(events, campaigns, verified=self.verified).collect()

    def _numbers_of(self, succeeded: pl.DataFrame) -> list[int]:
        """Every number of those who succeeded: nobody else's arm matters."""
        people, survivors = {*succeeded.get_column("customer_id")}, self.standing.survivors
        return [number for number in self.customers if survivors.get(number, number) in people]


COLUMNS = ("customer_id", "event", "business_day", "occurred_at", "trusted", "amount", "campaign_id", "delivery_id")
"""Columns of events that are read for the ledger."""


def events_of(campaigns: list[Launched]) -> list[str]:
    """Names of the events that some campaigns may count."""
    return sorted({*messages.COUNTED, *(one.conversion_event for one in campaigns)})


def days_since(pushes: pl.LazyFrame, day: date, calendar: BusinessCalendar) -> pl.LazyFrame:
    """``customer_id`` and ``days_since_push``, of ``customer_id`` and ``at`` of pushes, merges applied."""
    last = pushes.group_by("customer_id").agg(pl.col("at").max()).with_columns(_business_day(calendar))
    days = (pl.lit(day) - pl.col("business_day")).dt.total_days()
    return last.select("customer_id", days_since_push=days)


def named(behaviour: Behaviour) -> list[int] | None:
    """Campaigns that can count; None for all."""
    named: set[int] | None = None
    for match in behaviour.where:
        if match.op == "in" and isinstance(match.value, tuple):
            own = {int(text) for text in match.value if isinstance(text, str) and text.isdecimal()}
            named = own if named is None else named & own
    return None if named is None else sorted(named)


def kept(rows: pl.LazyFrame, behaviour: Behaviour, standing: Standing) -> pl.LazyFrame:
    """`OCCURRENCES`, ``business_day`` and ``times``, without campaigns that are ruled out, and what is too long ago or too late."""
    text = pl.col("campaign_id").cast(pl.String)
    denied = [match.value for match in behaviour.where if match.op == "not_in" and isinstance(match.value, tuple)]
    holds = [~text.is_in(list(values)) for values in denied]
    if behaviour.minutes is not None:
        holds.append(pl.col("at") > pl.lit(standing.now) - pl.duration(minutes=behaviour.minutes))
    if behaviour.until is not None:
        holds.append(pl.col("business_day") <= behaviour.until)
    dated = rows.with_columns(_business_day(standing.calendar))
    return dated.filter(pl.all_horizontal(pl.lit(value=True), *holds)).with_columns(pl.lit(1, pl.Int64).alias("times"))


def _business_day(calendar: BusinessCalendar) -> pl.Expr:
    """As `BusinessCalendar.business_day`, of a column ``at``."""
    local = pl.col("at").dt.convert_time_zone(calendar.zone).dt.replace_time_zone(None)
    return (local - pl.duration(hours=calendar.day_starts)).dt.date().alias("business_day")
