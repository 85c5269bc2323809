"""What campaigns did to customers, for rules: PostgreSQL's ledger of accepted pushes, and what followed them in the lake."""

import asyncio
from collections.abc import Collection

import polars as pl

from backend.lake.asked_sources import Sources, Standing
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from campaigns import messages
from campaigns.messages import OCCURRENCES, Launched
from segments.calendar import BusinessCalendar
from segments.history import under_survivors
from segments.rules.behaviour import CAMPAIGN_OPENED, CAMPAIGN_RECEIVED, Behaviour
from segments.windows import Window


async def ledger_rows(
    behaviour: Behaviour, *, lake: Lake, sources: Sources, standing: Standing, verified: Collection[str]
) -> pl.DataFrame:
    """The occurrences of a behaviour of the ledger: `OCCURRENCES`, ``business_day`` and ``times``, merges applied.

    Args:
        behaviour: one of `segments.rules.behaviour.LEDGER_EVENTS`, with filters on campaigns.
        lake: what followed.
        sources: who was sent what.
        standing: merges, calendar, and the moment from which minutes count back.
        verified: weighty events for which the word of a trusted source stands.
    """
    if behaviour.event == CAMPAIGN_RECEIVED:
        accepted = under_survivors((await sources.received(_named(behaviour))).lazy(), standing.survivors)
        rows = messages.received(accepted).collect()
    elif behaviour.event == CAMPAIGN_OPENED:
        campaigns = await sources.launched(_named(behaviour))
        events = _events(lake, campaigns, standing)
        rows = await asyncio.to_thread(messages.opened(events, campaigns).collect)
    else:
        rows = await _converted(await sources.launched(_named(behaviour)), lake, sources, standing, verified)
    return _kept(rows.with_columns(_business_day(standing.calendar)), behaviour, standing)


def days_since(pushes: pl.DataFrame, standing: Standing, *, day: pl.Expr) -> pl.LazyFrame:
    """``customer_id`` and ``days_since_push``: business days from the last accepted push to ``day``."""
    last = under_survivors(pushes.lazy(), standing.survivors).group_by("customer_id").agg(pl.col("at").max())
    dated = last.with_columns(_business_day(standing.calendar))
    return dated.select("customer_id", days_since_push=(day - pl.col("business_day")).dt.total_days())


async def _converted(
    campaigns: list[Launched], lake: Lake, sources: Sources, standing: Standing, verified: Collection[str]
) -> pl.DataFrame:
    """Campaign by campaign: of all together the people would be too many for one join."""
    found = [pl.DataFrame(schema=OCCURRENCES)]
    for campaign in campaigns:
        arms = under_survivors((await sources.arms(campaign.campaign_id)).lazy(), standing.survivors)
        rows = messages.converted(_events(lake, [campaign], standing), arms, campaign, verified=verified)
        found.append(await asyncio.to_thread(rows.collect))
    return pl.concat(found)


def _events(lake: Lake, campaigns: list[Launched], standing: Standing) -> pl.LazyFrame:
    """The lake's events of the days of some campaigns, merges applied."""
    if not campaigns:
        return lake.rows_in(Table.EVENTS, ())
    calendar = standing.calendar
    first = calendar.business_day(min(one.planned_at for one in campaigns))
    last = calendar.business_day(max(one.ends_at for one in campaigns))
    return under_survivors(lake.events(Window(first, last)), standing.survivors)


def _named(behaviour: Behaviour) -> list[int] | None:
    """Campaigns that can count; None for all."""
    named: set[int] | None = None
    for match in behaviour.where:
        if match.op == "in" and isinstance(match.value, tuple):
            own = {int(text) for text in match.value if isinstance(text, str) and text.isdecimal()}
            named = own if named is None else named & own
    return None if named is None else sorted(named)


def _kept(rows: pl.DataFrame, behaviour: Behaviour, standing: Standing) -> pl.DataFrame:
    """Without campaigns that are ruled out, and without what is too long ago or too late."""
    text = pl.col("campaign_id").cast(pl.String)
    denied = [match.value for match in behaviour.where if match.op == "not_in" and isinstance(match.value, tuple)]
    holds = [~text.is_in(list(values)) for values in denied]
    if behaviour.minutes is not None:
        holds.append(pl.col("at") > pl.lit(standing.now) - pl.duration(minutes=behaviour.minutes))
    if behaviour.until is not None:
        holds.append(pl.col("business_day") <= behaviour.until)
    return rows.filter(pl.all_horizontal(pl.lit(value=True), *holds)).with_columns(pl.lit(1, pl.Int64).alias("times"))


def _business_day(calendar: BusinessCalendar) -> pl.Expr:
    """As `BusinessCalendar.business_day`, of a column ``at``."""
    local = pl.col("at").dt.convert_time_zone(calendar.zone).dt.replace_time_zone(None)
    return (local - pl.duration(hours=calendar.day_starts)).dt.date().alias("business_day")
