"""The report: where everyone stands (from the ledger) and what followed (from the lake)."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import asyncpg
import polars as pl

from backend.services.campaign_desk.rows import draft_of, summary_of, test_of
from backend.store import campaign_figures as figures
from backend.store import campaigns as store
from backend.store import shop as shop_store
from backend.store.pool import snapshot
from campaigns.attribution import INFLUENCE, weighty_events
from campaigns.campaign import Draft, State
from campaigns.effect import Effect, judge
from campaigns.figures import CampaignReport, Goal, Opens
from campaigns.outcomes import Asked, last_moment, outcomes
from campaigns.preview import removed
from campaigns.results import Results, judged, tally
from campaigns.standing import devices_of, entries_of, entry_span, people_of, standing_of
from campaigns.states import ENDED
from campaigns.steps import GiveCoupon
from campaigns.trigger import until_of
from segments.history import MERGES
from segments.reduce.trust import TAKEN_BACK
from segments.windows import Window


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a campaign's figures are made of.

    Attributes:
        standing: everyone, as `campaigns.standing.STANDING`.
        devices: their deliveries, as `campaigns.standing.DEVICES`.
        survivors: merges.
        asked: what counts.
        window: business days in which anything of it can have happened.
        ends_at: the declared end; None while nobody can say when the last person comes in.
        growing: people still come in.
    """

    standing: pl.DataFrame
    devices: pl.DataFrame
    survivors: pl.LazyFrame
    asked: Asked
    window: Window
    ends_at: datetime | None
    growing: bool

    @property
    def launch_day(self) -> date:
        """The business day of the first entry."""
        return self.window.first


async def report(pool: asyncpg.Pool, row: asyncpg.Record, *, facts: Facts) -> CampaignReport:
    """The figures of one campaign; one that has reached nobody yet has neither opens nor effect."""
    draft, as_of = draft_of(row), await asyncio.to_thread(facts.as_of)
    standing, devices = await read_ledger(pool, row["campaign_id"])
    people = await asyncio.to_thread(people_of, standing.lazy())
    gathered = await gather(pool, row, facts, standing=standing, devices=devices)
    results = await asyncio.to_thread(_results, gathered, draft, facts, as_of) if gathered else None
    return CampaignReport(
        summary=summary_of(row),
        as_of=as_of,
        people=people,
        removed=removed(people.left_out),
        devices=devices_of(devices.lazy()),
        received=results.treated.received if results else 0,
        opens=_opens(results) if results else None,
        effect=_effect(results, gathered, as_of) if results and gathered else None,
        results=results,
        goal=goal_of(draft, results),
        test=test_of(row, draft),
        dropped=gathered is not None and results is None,
    )


async def read_ledger(pool: asyncpg.Pool, campaign_id: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Everyone of a campaign, as `campaigns.standing.STANDING`, and their deliveries, as `DEVICES`."""
    async with pool.acquire() as connection, snapshot(connection):
        people = await figures.read_people(connection, campaign_id=campaign_id)
        devices = await figures.read_devices(connection, campaign_id=campaign_id)
    return await asyncio.to_thread(standing_of(people.lazy(), devices.lazy()).collect), devices


async def gather(
    pool: asyncpg.Pool, row: asyncpg.Record, facts: Facts, *, standing: pl.DataFrame, devices: pl.DataFrame
) -> Gathered | None:
    """What the figures of a campaign are made of; None where nobody was drawn yet."""
    span = entry_span(standing)
    if span is None:
        return None
    (first, last), draft = span, draft_of(row)
    async with pool.acquire() as connection:
        merged = await store.list_survivors(connection)
        calendar = (await shop_store.read_settings(connection)).calendar
    days, ended = draft.conversion_days, State(row["state"]) in ENDED
    coupons = _coupons(draft)
    believed = await asyncio.to_thread(proven, facts, weighty_events(draft.conversion_event, coupons=bool(coupons)))
    return Gathered(
        standing=standing,
        devices=devices,
        survivors=pl.LazyFrame([tuple(one) for one in merged], schema=MERGES, orient="row"),
        asked=Asked(
            campaign_id=row["campaign_id"],
            conversion_event=draft.conversion_event,
            conversion_days=days,
            coupons=coupons,
            proven=believed,
        ),
        window=Window(calendar.business_day(first), calendar.business_day(last_moment(last, days))),
        ends_at=_declared_end(draft, last, ended=ended),
        growing=draft.runs_on and not ended,
    )


def _declared_end(draft: Draft, last: datetime, *, ended: bool) -> datetime | None:
    """When the last window closes: that of the last who came in, or of the last who can."""
    window = timedelta(days=draft.conversion_days)
    if ended or not draft.runs_on:
        return last + window
    until = until_of(draft.trigger)
    return None if until is None or draft.steps else until + window


def follow(gathered: Gathered, facts: Facts) -> pl.LazyFrame | None:
    """What everybody did; None where events of these days were dropped, for the rest would be too few."""
    found = outcomes(
        entries_of(gathered.standing.lazy()),
        facts.events(gathered.window),
        survivors=gathered.survivors,
        asked=gathered.asked,
    ).collect()
    since = facts.raw_since()  # asked last: no day is dropped unseen while we read
    return found.lazy() if since is None or gathered.launch_day >= since else None


def variants_of(draft: Draft) -> list[str]:
    """The variants of a campaign, those of a journey's steps together, in their order."""
    every = [draft.variants, *(getattr(step, "variants", ()) for step in draft.steps)]
    return list(dict.fromkeys(variant.name for variants in every for variant in variants))


def goal_of(draft: Draft, results: Results | None) -> Goal:
    """What was expected of a campaign, and how much of it came so far."""
    rate = results.treated.arm.rate if results else None
    return Goal(
        hypothesis=draft.hypothesis,
        event=draft.conversion_event,
        days=draft.conversion_days,
        target=draft.goal_target,
        rate=rate,
    )


def _results(gathered: Gathered, draft: Draft, facts: Facts, as_of: datetime) -> Results | None:
    followed = follow(gathered, facts)
    if followed is None:
        return None
    counted = tally(followed, variants=variants_of(draft))
    return judged(counted, ends_at=gathered.ends_at, as_of=as_of, growing=gathered.growing)


def _effect(results: Results, gathered: Gathered, as_of: datetime) -> Effect:
    return judge(
        results.treated.arm,
        results.control.arm,
        ends_at=gathered.ends_at,
        as_of=as_of,
        growing=gathered.growing,
    )


def _opens(results: Results) -> Opens:
    return Opens(
        direct=results.treated.direct,
        influenced=results.treated.influenced,
        window_hours=int(INFLUENCE / timedelta(hours=1)),
        of=results.treated.accepted,
    )


def _coupons(draft: Draft) -> tuple[str, ...]:
    """The coupons a campaign speaks of or gives."""
    said = [content.coupon_id for _, content in draft.contents()]
    given = [step.coupon_id for step in draft.steps if isinstance(step, GiveCoupon)]
    return tuple(sorted({coupon for coupon in (*said, *given) if coupon}))


def proven(facts: Facts, names: tuple[str, ...]) -> frozenset[str]:
    """Weighty events that some trusted source has ever reported: of these, untrusted ones do not count."""
    asked = {*names, *(TAKEN_BACK[name] for name in names if name in TAKEN_BACK)}
    told = (
        facts.customer_days().filter(pl.col("event").is_in(sorted(asked)) & pl.col("trusted")).select("event").unique()
    )
    found = {*told.collect().get_column("event")}
    return frozenset(name for name in names if name in found or TAKEN_BACK.get(name) in found)
