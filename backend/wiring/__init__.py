"""Builds pool, lake, sender and services from the settings, and takes them down again.

An intake process gets `IntakeServices` and loads neither Polars nor the frame: what only the other processes need stands in
`backend.wiring.everything`.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend import settings as configuration
from backend.clock import Clock, ShiftedClock, SystemClock
from backend.services.api_keys import ApiKeys
from backend.services.customer_tokens.tokens import CustomerTokens
from backend.services.device_clocks import DeviceClocks
from backend.services.health import Health
from backend.services.inbox import Inbox
from backend.services.ingest import Ingest
from backend.services.privacy.sieve import Sieve
from backend.services.rates import Rates
from backend.services.refusals import Refusals
from backend.services.sources import Sources
from backend.services.tracking_plans import TrackingPlans
from backend.settings import Settings
from backend.store.pool import Pool, open_pool

if TYPE_CHECKING:
    from backend.services.access.sessions import Access
    from backend.services.campaign_desk.breakdowns import CampaignBreakdowns
    from backend.services.campaign_desk.calendar import CampaignCalendar
    from backend.services.campaign_desk.desk import CampaignDesk
    from backend.services.campaign_desk.previews import CampaignPreviews
    from backend.services.campaign_desk.programme import ProgrammeReports
    from backend.services.campaign_desk.winners import CampaignTests
    from backend.services.campaign_runs import CampaignRuns
    from backend.services.coupons.book import CouponBook
    from backend.services.coupons.expiry import CouponExpiry
    from backend.services.coupons.issuing import CouponIssues
    from backend.services.coupons.ledger import CouponLedger
    from backend.services.definitions import Definitions
    from backend.services.deliveries import Deliveries
    from backend.services.event_volumes import EventVolumes
    from backend.services.exports.desk import Exports
    from backend.services.failed_events import FailedEvents
    from backend.services.idempotency import Idempotency
    from backend.services.imports.desk import ImportDesk
    from backend.services.imports.runs import Imports
    from backend.services.imports.work import ImportWork
    from backend.services.insights import Insights
    from backend.services.journeys.feeding import TriggerFeeds
    from backend.services.journeys.looking import JourneyDesk
    from backend.services.journeys.walking import JourneyRuns
    from backend.services.life_cycle import LifeCycle
    from backend.services.margins import Margins
    from backend.services.memberships.keeping import Memberships
    from backend.services.memberships.looking import MembershipLedger
    from backend.services.people import People
    from backend.services.playbooks import Playbooks
    from backend.services.privacy.rights import Rights
    from backend.services.ranks import RankDesk
    from backend.services.refresh.loop import Refresh
    from backend.services.refresh.past import PastFrames
    from backend.services.replays import Replays
    from backend.services.retention import Retention
    from backend.services.segment_overlaps import SegmentOverlaps
    from backend.services.segment_runs import SegmentRuns
    from backend.services.segment_values import SegmentValues
    from backend.services.segment_versions import SegmentVersions
    from backend.services.sending_rights import SendingRights
    from backend.services.server_events import ServerEvents
    from backend.services.shop import Shop
    from backend.services.snapshots import Snapshots
    from backend.services.source_keys import SourceKeys
    from backend.services.standing import StandingKeeper
    from backend.services.static_lists import StaticLists
    from backend.services.webhooks.endpoints import Webhooks
    from backend.services.webhooks.sending import WebhookRuns
    from backend.services.workers import Workers


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
    inbox: Inbox
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
    import_work: "ImportWork"
    segment_runs: "SegmentRuns"
    segment_overlaps: "SegmentOverlaps"
    segment_values: "SegmentValues"
    people: "People"
    server_events: "ServerEvents"
    campaign_desk: "CampaignDesk"
    campaign_runs: "CampaignRuns"
    trigger_feeds: "TriggerFeeds"
    journey_runs: "JourneyRuns"
    journey_desk: "JourneyDesk"
    campaign_breakdowns: "CampaignBreakdowns"
    campaign_calendar: "CampaignCalendar"
    campaign_previews: "CampaignPreviews"
    campaign_tests: "CampaignTests"
    programme_reports: "ProgrammeReports"
    playbooks: "Playbooks"
    deliveries: "Deliveries"
    sending_rights: "SendingRights"
    workers: "Workers"
    retention: "Retention"
    refresh: "Refresh"
    past_frames: "PastFrames"
    insights: "Insights"
    snapshots: "Snapshots"
    life_cycle: "LifeCycle"
    margins: "Margins"
    exports: "Exports"
    rights: "Rights"
    webhooks: "Webhooks"
    webhook_runs: "WebhookRuns"
    coupon_book: "CouponBook"
    coupon_issues: "CouponIssues"
    coupon_ledger: "CouponLedger"
    coupon_expiry: "CouponExpiry"
    rank_desk: "RankDesk"
    memberships: "Memberships"
    standing_keeper: "StandingKeeper"
    membership_ledger: "MembershipLedger"
    static_lists: "StaticLists"
    segment_versions: "SegmentVersions"


@contextlib.asynccontextmanager
async def open_intake(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[IntakeServices]:
    """Services of an intake process, for as long as the block runs. `Ingest.start` is the server's to call."""
    async with _pool(settings) as pool:
        yield _intake(settings, clock or _clock(settings), pool)


@contextlib.asynccontextmanager
async def open_services(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Every service, for as long as the block runs."""
    from backend.wiring.everything import build, open_sender  # noqa: PLC0415 - not for intake processes

    async with _pool(settings) as pool, open_sender(settings) as sender:
        yield build(_intake(settings, clock or _clock(settings), pool), sender)


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
        inbox=Inbox(pool, clock),
        api_keys=ApiKeys(pool, clock, limiter=rates, per_minute=settings.api_limit),
        rates=rates,
        health=Health(pool, clock, home=settings.home),
    )
