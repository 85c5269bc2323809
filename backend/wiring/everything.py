"""Builds every service: loaded by admin servers, workers and the command line, never by an intake process."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

from backend.lake.asked import AskedFrame
from backend.lake.engine import Engine, engine_at
from backend.lake.frame import CustomerFrame
from backend.lake.parting import sweep
from backend.lake.tables import Lake
from backend.outbound.client import Caller
from backend.push.configured import ConfiguredSender
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
from backend.services.coupons.gifts import gifts_of
from backend.services.coupons.issuing import CouponIssues
from backend.services.coupons.ledger import CouponLedger
from backend.services.definitions import Definitions
from backend.services.deliveries import Deliveries
from backend.services.event_volumes import EventVolumes
from backend.services.exports.desk import Exports
from backend.services.exports.writing import Origins
from backend.services.failed_events import FailedEvents
from backend.services.idempotency import Idempotency
from backend.services.imports.desk import ImportDesk
from backend.services.imports.runs import Imports
from backend.services.imports.work import ImportWork
from backend.services.insights import Insights
from backend.services.journeys.entering import enter
from backend.services.journeys.feeding import TriggerFeeds
from backend.services.journeys.looking import JourneyDesk
from backend.services.journeys.rehearsing import Rehearsals
from backend.services.journeys.walking import JourneyRuns
from backend.services.life_cycle import LifeCycle
from backend.services.margins import Margins
from backend.services.memberships.keeping import Memberships
from backend.services.memberships.looking import MembershipLedger
from backend.services.people import People
from backend.services.playbooks import Playbooks
from backend.services.privacy.failed import forget_failed
from backend.services.privacy.rights import Rights
from backend.services.ranks import RankDesk
from backend.services.refresh.loop import Refresh
from backend.services.refresh.past import PastFrames
from backend.services.replays import Replays
from backend.services.retention import Retention
from backend.services.rule_facts import RuleFacts
from backend.services.segment_overlaps import SegmentOverlaps
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_values import SegmentValues
from backend.services.segment_versions import SegmentVersions
from backend.services.sending_rights import SendingRights
from backend.services.server_events import ServerEvents
from backend.services.shop import Shop
from backend.services.snapshots import Snapshots
from backend.services.source_keys import SourceKeys
from backend.services.sources import KEY_PREFIX
from backend.services.standing import StandingKeeper
from backend.services.static_lists import StaticLists
from backend.services.tracking_plans import TrackingPlans
from backend.services.webhooks.endpoints import Webhooks
from backend.services.webhooks.sending import WebhookRuns
from backend.services.workers import Workers
from backend.settings import Settings
from backend.wiring import IntakeServices, Services
from backend.wiring.labels import CampaignLabels
from backend.wiring.meetings import JourneySends, LakeFacts, SegmentAudiences, bought_together
from campaigns.delivery import PushSender
from campaigns.pace import Pace


@contextlib.asynccontextmanager
async def open_sender(settings: Settings) -> AsyncIterator[PushSender]:
    """The way to FCM, or to its emulator, for as long as the block runs."""
    sender = ConfiguredSender(
        service_account=settings.fcm_service_account,
        emulator=settings.fcm_emulator,
        ca_file=settings.home / "emulator" / "ca.pem",
        plain=settings.plain_sender,
    )
    try:
        yield sender
    finally:
        await sender.aclose()


def build(intake: IntakeServices, sender: PushSender) -> Services:
    """Every service, on what an intake process has already."""
    pool, clock, settings = intake.pool, intake.clock, intake.settings
    stored, lake = CustomerFrame(settings.home / "frame"), Lake(settings.lake, settings.lake_options)
    sweep(settings.home / "scratch")
    frame = AskedFrame(stored, lake, RuleFacts(pool, clock), scratch=settings.home / "scratch")
    segment_runs = SegmentRuns(pool, clock, frame)
    audiences, facts = SegmentAudiences(segment_runs, stored), LakeFacts(lake, stored)
    imports = Imports(pool, clock, settings.home)
    rehearsals = Rehearsals(pool, clock, history=lake, holds=segment_runs.holding)
    campaign_desk = CampaignDesk(pool, clock, audiences=audiences, facts=facts, rehearsals=rehearsals, sender=sender)
    campaign_runs = CampaignRuns(pool, clock, audiences=audiences, enter=enter)
    insights = Insights(pool, clock, lake, frame)
    caller = Caller(allowed=settings.webhook_allow)
    engine = engine_at(settings.engine, settings.lake_options)
    refresh = _refresh(intake, lake, stored, engine)
    exports = _exports(intake, lake=lake, frame=stored, segments=segment_runs, desk=campaign_desk, insights=insights)
    import_desk = ImportDesk(pool, clock, imports, settings.home)
    coupon_ledger = CouponLedger(pool, clock, lake, stored)
    membership_ledger = MembershipLedger(pool, clock, raw_since=lake.raw_since)
    return Services(
        **_given(intake),
        access=Access(pool, clock),
        idempotency=Idempotency(pool, clock),
        source_keys=SourceKeys(pool, clock, prefixes={kind.value: prefix for kind, prefix in KEY_PREFIX.items()}),
        shop=Shop(pool, clock),
        definitions=Definitions(pool),
        event_volumes=EventVolumes(pool),
        failed_events=FailedEvents(pool),
        replays=_replays(intake),
        imports=imports,
        import_desk=import_desk,
        import_work=ImportWork(pool, clock, imports, settings.home),
        segment_runs=segment_runs,
        segment_overlaps=SegmentOverlaps(pool, frame),
        segment_values=SegmentValues(pool, clock, stored, lake),
        people=People(pool, clock, frame, lake),
        server_events=ServerEvents(pool, clock, intake=intake.ingest, rules=intake.plans),
        campaign_desk=campaign_desk,
        campaign_breakdowns=CampaignBreakdowns(
            pool, facts=facts, labels=CampaignLabels(stored, lake, segment_runs, membership_ledger)
        ),
        campaign_calendar=CampaignCalendar(pool, clock),
        campaign_previews=CampaignPreviews(pool, clock, count=segment_runs.count),
        campaign_tests=CampaignTests(pool, clock, facts=facts),
        programme_reports=ProgrammeReports(pool, clock, facts=facts, audiences=audiences),
        playbooks=Playbooks(
            stored, lake, segments=segment_runs, campaigns=campaign_desk, pair=lambda: bought_together(insights)
        ),
        campaign_runs=campaign_runs,
        trigger_feeds=TriggerFeeds(pool, clock),
        journey_runs=JourneyRuns(
            pool, clock, plan=JourneySends(campaign_runs, stored), give=gifts_of, holds=segment_runs.holding
        ),
        journey_desk=JourneyDesk(pool, clock),
        deliveries=_deliveries(intake, sender),
        workers=Workers(pool, clock),
        sending_rights=SendingRights(pool, clock, home=settings.home),
        retention=_retention(intake),
        refresh=refresh,
        past_frames=PastFrames(pool, clock, lake, stored, engine),
        insights=insights,
        snapshots=Snapshots(pool, clock, measure=insights.measure, known_until=insights.known_until),
        life_cycle=LifeCycle(pool, clock, derive=insights.derive_thresholds),
        margins=Margins(pool, clock),
        exports=exports,
        rights=_rights(intake, refresh=refresh, facts=facts, exports=exports, desk=import_desk),
        webhooks=Webhooks(pool, clock, rules=caller),
        webhook_runs=WebhookRuns(pool, clock, caller=caller),
        coupon_book=CouponBook(pool, clock),
        coupon_issues=CouponIssues(pool, clock, audiences=audiences),
        coupon_ledger=coupon_ledger,
        coupon_expiry=CouponExpiry(pool, clock, coupon_ledger),
        rank_desk=RankDesk(pool, clock, lake, stored),
        memberships=Memberships(pool, clock, frame, keep_changes=settings.keep_changes),
        standing_keeper=StandingKeeper(pool, clock),
        membership_ledger=membership_ledger,
        segment_versions=SegmentVersions(pool, clock, save=segment_runs.save),
        static_lists=StaticLists(
            pool, clock, members_at=membership_ledger.members_at, known_since=segment_runs.known_since
        ),
    )


def _given(intake: IntakeServices) -> dict[str, Any]:
    return {field.name: getattr(intake, field.name) for field in fields(intake)}


def _refresh(intake: IntakeServices, lake: Lake, frame: CustomerFrame, engine: Engine) -> Refresh:
    return Refresh(
        intake.pool,
        intake.clock,
        lake,
        frame,
        engine=engine,
        keep_pictures=intake.settings.keep_pictures,
        history_months=intake.settings.history_months,
    )


def _replays(intake: IntakeServices) -> Replays:
    plans = TrackingPlans(intake.pool, intake.clock, remember=timedelta(0))
    return Replays(intake.pool, intake.clock, rules_of=plans.rules_of, forget=forget_failed)


def _deliveries(intake: IntakeServices, sender: PushSender) -> Deliveries:
    rate = intake.settings.push_rate
    return Deliveries(intake.pool, intake.clock, sender=sender, pace=Pace(rate) if rate else None)


def _retention(intake: IntakeServices) -> Retention:
    settings = intake.settings
    return Retention(
        intake.pool,
        intake.clock,
        keep_log=settings.keep_log,
        keep_ids=settings.keep_ids,
        keep_failed=settings.keep_failed,
        keep_ways=settings.keep_ways,
    )


def _exports(
    intake: IntakeServices,
    *,
    lake: Lake,
    frame: CustomerFrame,
    segments: SegmentRuns,
    desk: CampaignDesk,
    insights: Insights,
) -> Exports:
    origins = Origins(
        lake=lake,
        frame=frame,
        members=segments.members,
        known_since=segments.known_since,
        report=desk.report,
        kpi=insights.kpi,
    )
    return Exports(intake.pool, intake.clock, intake.settings.home, origins=origins)


def _rights(
    intake: IntakeServices, *, refresh: Refresh, facts: LakeFacts, exports: Exports, desk: ImportDesk
) -> Rights:
    return Rights(
        intake.pool,
        intake.clock,
        history=refresh.forget,
        history_of=facts.rows_of,
        files=(lambda by: exports.withdraw(actor=by), lambda by: desk.remove_all(actor=by)),
    )
