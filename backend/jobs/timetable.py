"""What a worker does and how often."""

from collections.abc import Awaitable, Callable

from backend.jobs.loops import Loop
from backend.services.campaign_desk.winners import CampaignTests
from backend.services.campaign_runs import CampaignRuns
from backend.services.coupons.expiry import CouponExpiry
from backend.services.coupons.issuing import CouponIssues
from backend.services.deliveries import Deliveries
from backend.services.exports.desk import Exports
from backend.services.imports.desk import ImportDesk
from backend.services.imports.work import ImportWork
from backend.services.journeys.feeding import TriggerFeeds
from backend.services.journeys.walking import JourneyRuns
from backend.services.life_cycle import LifeCycle
from backend.services.memberships.keeping import Memberships
from backend.services.privacy.rights import Rights
from backend.services.replays import Replays
from backend.services.retention import Retention
from backend.services.sending_rights import SendingRights
from backend.services.snapshots import Snapshots
from backend.services.standing import StandingKeeper
from backend.services.webhooks.sending import WebhookRuns
from backend.services.workers import Workers

LANES = 2
"""Delivery loops side by side: while one waits for the push service, the other claims."""


def timetable(
    *,
    campaign_runs: CampaignRuns,
    campaign_tests: CampaignTests,
    deliveries: Deliveries,
    trigger_feeds: TriggerFeeds,
    journey_runs: JourneyRuns,
    replays: Replays,
    workers: Workers,
    retention: Retention,
    exports: Exports,
    webhook_runs: WebhookRuns,
    import_desk: ImportDesk,
    import_work: ImportWork,
    rights: Rights,
    snapshots: Snapshots,
    life_cycle: LifeCycle,
    coupon_issues: CouponIssues,
    coupon_expiry: CouponExpiry,
    memberships: Memberships,
    standing_keeper: StandingKeeper,
    sending_rights: SendingRights,
) -> list[Loop]:
    """The loops of one worker, beside refresh and jobs. All of them may run in any number of workers at once.

    What reaches people or other servers stands still while the installation is not armed.
    """
    guard = sending_rights.guard
    lanes = [Loop(f"deliver_{lane}", guard(deliveries.deliver), 0.5) for lane in range(LANES)]
    return [
        Loop("launch", guard(campaign_runs.launch_due), 2.0),
        Loop("winners", guard(campaign_tests.decide_due), 5.0),
        *lanes,
        Loop("triggers", guard(trigger_feeds.work), 0.2),
        Loop("journeys", guard(journey_runs.work), 0.2),
        Loop("journey_house", _resting(journey_runs.keep_house), 5.0),
        Loop("recover", _resting(deliveries.recover), 2.0),
        Loop("replay", replays.work, 2.0),
        Loop("settle", _resting(replays.settle), 300.0),
        Loop("export", exports.work, 2.0),
        Loop("webhooks", guard(webhook_runs.deliver), 1.0),
        Loop("alarms", _resting(webhook_runs.ring), 60.0),
        Loop("erase", rights.work, 2.0),
        Loop("memberships", memberships.work, 0.5),
        Loop("standing", standing_keeper.work, 1.0),
        Loop("snapshots", snapshots.work, 60.0),
        Loop("imports", _resting(import_work.recover), 30.0),
        Loop("thresholds", _resting(life_cycle.derive_due), 3600.0),
        Loop("import_house", _resting(import_desk.keep_house), 3600.0),
        Loop("coupon_issues", coupon_issues.work, 1.0),
        Loop("coupon_expiry", coupon_expiry.work, 30.0),
        Loop("house", _resting(workers.keep_house), 600.0),
        Loop("log_house", _resting(retention.drop_old_days), 600.0),
        Loop("failed_house", _resting(retention.forget_failed), 3600.0),
        Loop("way_house", _resting(retention.forget_ways), 3600.0),
        Loop("id_house", _resting(retention.forget_ids), 2.0),
        Loop("export_house", _resting(exports.keep_house), 600.0),
        Loop("changes_house", _resting(memberships.forget_changes), 3600.0),
        Loop("webhook_house", _resting(webhook_runs.keep_house), 600.0),
    ]


def _resting(step: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """The step with a rest after each round, however much it did."""

    async def once() -> int:
        await step()
        return 0

    return once
