"""Builds pool, lake, sender and services from the settings, and takes them down again.

An intake process gets `IntakeServices` and loads neither Polars nor the frame: what only the other processes need is
imported where it is built.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backend import settings as configuration
from backend.clock import Clock, ShiftedClock, SystemClock
from backend.services.api_keys import ApiKeys
from backend.services.customer_tokens.tokens import CustomerTokens
from backend.services.device_clocks import DeviceClocks
from backend.services.health import Health
from backend.services.ingest import Ingest
from backend.services.privacy.sieve import Sieve
from backend.services.rates import Rates
from backend.services.refusals import Refusals
from backend.services.sources import KEY_PREFIX, Sources
from backend.services.tracking_plans import TrackingPlans
from backend.settings import Settings
from backend.store.pool import Pool, open_pool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import polars as pl

    from backend.lake.frame import CustomerFrame
    from backend.lake.tables import Lake
    from backend.services.access.sessions import Access
    from backend.services.campaign_desk.desk import CampaignDesk
    from backend.services.campaign_runs import CampaignRuns
    from backend.services.definitions import Definitions
    from backend.services.deliveries import Deliveries
    from backend.services.event_volumes import EventVolumes
    from backend.services.exports.desk import Exports
    from backend.services.failed_events import FailedEvents
    from backend.services.idempotency import Idempotency
    from backend.services.imports.desk import ImportDesk
    from backend.services.imports.runs import Imports
    from backend.services.insights import Insights
    from backend.services.people import People
    from backend.services.privacy.rights import Rights
    from backend.services.refresh.loop import Refresh
    from backend.services.replays import Replays
    from backend.services.retention import Retention
    from backend.services.segment_runs import SegmentRuns
    from backend.services.server_events import ServerEvents
    from backend.services.shop import Shop
    from backend.services.source_keys import SourceKeys
    from backend.services.webhooks.endpoints import Webhooks
    from backend.services.webhooks.sending import WebhookRuns
    from backend.services.workers import Workers
    from campaigns.audience import Members
    from campaigns.delivery import PushSender
    from segments.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeServices:
    """What an intake process may ask."""

    settings: Settings
    clock: Clock
    pool: Pool
    ingest: Ingest
    sources: Sources
    customer_tokens: CustomerTokens
    device_clocks: DeviceClocks
    refusals: Refusals
    plans: TrackingPlans
    api_keys: ApiKeys
    rates: Rates
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(IntakeServices):
    """Everything a face may ask."""

    access: "Access"
    idempotency: "Idempotency"
    source_keys: "SourceKeys"
    shop: "Shop"
    definitions: "Definitions"
    event_volumes: "EventVolumes"
    failed_events: "FailedEvents"
    replays: "Replays"
    imports: "Imports"
    import_desk: "ImportDesk"
    segment_runs: "SegmentRuns"
    people: "People"
    server_events: "ServerEvents"
    campaign_desk: "CampaignDesk"
    campaign_runs: "CampaignRuns"
    deliveries: "Deliveries"
    workers: "Workers"
    retention: "Retention"
    refresh: "Refresh"
    insights: "Insights"
    exports: "Exports"
    rights: "Rights"
    webhooks: "Webhooks"
    webhook_runs: "WebhookRuns"


@contextlib.asynccontextmanager
async def open_intake(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[IntakeServices]:
    """Services of an intake process, for as long as the block runs. `Ingest.start` is the server's to call."""
    async with _pool(settings) as pool:
        yield _intake(settings, clock or _clock(settings), pool)


@contextlib.asynccontextmanager
async def open_services(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Every service, for as long as the block runs."""
    async with _pool(settings) as pool, _sender(settings) as sender:
        yield _all(_intake(settings, clock or _clock(settings), pool), sender)


def from_environment() -> Settings:
    """The settings of this process, for the server's own processes."""
    return configuration.read()


def _clock(settings: Settings) -> Clock:
    return ShiftedClock(settings.clock_shift) if settings.clock_shift else SystemClock()


@contextlib.asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[Pool]:
    assert settings.database_url is not None  # noqa: S101 - callers hold the database first
    pool = await open_pool(settings.database_url, largest=20)
    try:
        yield pool
    finally:
        await pool.close()


def _intake(settings: Settings, clock: Clock, pool: Pool) -> IntakeServices:
    rates = Rates(pool, clock)
    return IntakeServices(
        settings=settings,
        clock=clock,
        pool=pool,
        ingest=Ingest(pool, clock, sift=Sieve(pool, clock).sift),
        sources=Sources(pool, clock),
        customer_tokens=CustomerTokens(pool, clock),
        device_clocks=DeviceClocks(pool, clock),
        refusals=Refusals(pool, clock),
        plans=TrackingPlans(pool, clock),
        api_keys=ApiKeys(pool, clock, limiter=rates, per_minute=settings.api_limit),
        rates=rates,
        health=Health(pool, clock, home=settings.home),
    )


@contextlib.asynccontextmanager
async def _sender(settings: Settings) -> "AsyncIterator[PushSender]":
    from backend.push.configured import ConfiguredSender  # noqa: PLC0415 - not for intake processes

    sender = ConfiguredSender(
        service_account=settings.fcm_service_account,
        emulator=settings.fcm_emulator,
        ca_file=settings.home / "emulator" / "ca.pem",
    )
    try:
        yield sender
    finally:
        await sender.aclose()


def _all(intake: IntakeServices, sender: "PushSender") -> Services:
    from backend.lake.frame import CustomerFrame  # noqa: PLC0415 - not for intake processes
    from backend.lake.tables import Lake  # noqa: PLC0415 - not for intake processes
    from backend.outbound.client import Caller  # noqa: PLC0415 - not for intake processes
    from backend.services.access.sessions import Access  # noqa: PLC0415 - not for intake processes
    from backend.services.campaign_desk.desk import CampaignDesk  # noqa: PLC0415 - not for intake processes
    from backend.services.campaign_runs import CampaignRuns  # noqa: PLC0415 - not for intake processes
    from backend.services.definitions import Definitions  # noqa: PLC0415 - not for intake processes
    from backend.services.deliveries import Deliveries  # noqa: PLC0415 - not for intake processes
    from backend.services.event_volumes import EventVolumes  # noqa: PLC0415 - not for intake processes
    from backend.services.exports.desk import Exports  # noqa: PLC0415 - not for intake processes
    from backend.services.exports.writing import Origins  # noqa: PLC0415 - not for intake processes
    from backend.services.failed_events import FailedEvents  # noqa: PLC0415 - not for intake processes
    from backend.services.idempotency import Idempotency  # noqa: PLC0415 - not for intake processes
    from backend.services.imports.desk import ImportDesk  # noqa: PLC0415 - not for intake processes
    from backend.services.imports.runs import Imports  # noqa: PLC0415 - not for intake processes
    from backend.services.insights import Insights  # noqa: PLC0415 - not for intake processes
    from backend.services.people import People  # noqa: PLC0415 - not for intake processes
    from backend.services.privacy.rights import Rights  # noqa: PLC0415 - not for intake processes
    from backend.services.refresh.loop import Refresh  # noqa: PLC0415 - not for intake processes
    from backend.services.replays import Replays  # noqa: PLC0415 - not for intake processes
    from backend.services.retention import Retention  # noqa: PLC0415 - not for intake processes
    from backend.services.segment_runs import SegmentRuns  # noqa: PLC0415 - not for intake processes
    from backend.services.server_events import ServerEvents  # noqa: PLC0415 - not for intake processes
    from backend.services.shop import Shop  # noqa: PLC0415 - not for intake processes
    from backend.services.source_keys import SourceKeys  # noqa: PLC0415 - not for intake processes
    from backend.services.webhooks.endpoints import Webhooks  # noqa: PLC0415 - not for intake processes
    from backend.services.webhooks.sending import WebhookRuns  # noqa: PLC0415 - not for intake processes
    from backend.services.workers import Workers  # noqa: PLC0415 - not for intake processes

    pool, clock, settings = intake.pool, intake.clock, intake.settings
    frame, lake = CustomerFrame(settings.home / "frame"), Lake(settings.lake, settings.lake_options)
    segment_runs = SegmentRuns(pool, clock, frame)
    audiences = SegmentAudiences(segment_runs, frame)
    imports = Imports(pool, clock, settings.home)
    campaign_desk = CampaignDesk(pool, clock, audiences=audiences, facts=LakeFacts(lake, frame), sender=sender)
    insights = Insights(pool, clock, lake, frame)
    origins = Origins(
        lake=lake, frame=frame, members=segment_runs.members, report=campaign_desk.report, kpi=insights.kpi
    )
    caller = Caller(allowed=settings.webhook_allow)
    refresh = Refresh(pool, clock, lake, frame)
    exports = Exports(pool, clock, settings.home, origins=origins)
    import_desk = ImportDesk(pool, clock, imports, settings.home)
    rights = Rights(
        pool,
        clock,
        history=refresh.forget,
        history_of=LakeFacts(lake, frame).rows_of,
        files=(lambda by: exports.withdraw(actor=by), lambda by: import_desk.remove_all(actor=by)),
    )
    return Services(
        settings=intake.settings,
        clock=clock,
        pool=pool,
        ingest=intake.ingest,
        sources=intake.sources,
        customer_tokens=intake.customer_tokens,
        device_clocks=intake.device_clocks,
        refusals=intake.refusals,
        plans=intake.plans,
        api_keys=intake.api_keys,
        rates=intake.rates,
        health=intake.health,
        access=Access(pool, clock),
        idempotency=Idempotency(pool, clock),
        source_keys=SourceKeys(pool, clock, prefixes={kind.value: prefix for kind, prefix in KEY_PREFIX.items()}),
        shop=Shop(pool, clock),
        definitions=Definitions(pool),
        event_volumes=EventVolumes(pool),
        failed_events=FailedEvents(pool),
        replays=Replays(pool, clock, rules_of=TrackingPlans(pool, clock, remember=timedelta(0)).rules_of),
        imports=imports,
        import_desk=import_desk,
        segment_runs=segment_runs,
        people=People(pool, clock, frame, lake),
        server_events=ServerEvents(pool, clock, intake=intake.ingest, rules=intake.plans),
        campaign_desk=campaign_desk,
        campaign_runs=CampaignRuns(pool, clock, audiences=audiences),
        deliveries=Deliveries(pool, clock, sender=sender),
        workers=Workers(pool, clock),
        retention=Retention(pool, clock, keep_log=settings.keep_log, keep_ids=settings.keep_ids),
        refresh=refresh,
        insights=insights,
        exports=exports,
        rights=rights,
        webhooks=Webhooks(pool, clock, rules=caller),
        webhook_runs=WebhookRuns(pool, clock, caller=caller),
    )


@dataclass(frozen=True, slots=True)
class SegmentAudiences:
    """Members of segments for campaigns: services do not know each other, so they meet here."""

    segment_runs: "SegmentRuns"
    frame: "CustomerFrame"

    async def members(self, segment_id: int, *, columns: tuple[str, ...]) -> "Members":
        """See `campaigns.audience.Audiences`."""
        from campaigns.audience import Members  # noqa: PLC0415 - not for intake processes

        segment = (await self.segment_runs.get(segment_id)).segment
        rows = await self.segment_runs.members(segment_id, version=segment.version)
        as_of = self.frame.read().as_of
        known = rows.collect_schema().names()
        wanted = rows.select("customer_id", *(column for column in columns if column in known))
        return Members(frame=await asyncio.to_thread(wanted.collect), as_of=as_of, version=segment.version)


@dataclass(frozen=True, slots=True)
class LakeFacts:
    """What happened, for campaign reports."""

    lake: "Lake"
    frame: "CustomerFrame"

    def events(self, window: "Window | None" = None) -> "pl.LazyFrame":
        """The lake's events."""
        return self.lake.events(window)

    def as_of(self) -> "datetime":
        """Up to when they are there."""
        return self.frame.read().as_of

    async def rows_of(self, customer_ids: "Sequence[int]") -> "list[dict[str, Any]]":
        """Everything the lake holds of these customers, oldest first."""
        import polars as pl  # noqa: PLC0415 - not for intake processes

        own = self.lake.events().filter(pl.col("customer_id").is_in(list(customer_ids))).sort("occurred_at", "seq")
        return (await asyncio.to_thread(own.collect)).to_dicts()
