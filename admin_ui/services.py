"""What the pages ask of the shell, as a port: wiring's `Services` fits it, and so do the fakes of the tests."""

from typing import Protocol, runtime_checkable

from backend.clock import Clock
from backend.services.access.sessions import Access
from backend.services.api_keys import ApiKeys
from backend.services.campaign_desk.breakdowns import CampaignBreakdowns
from backend.services.campaign_desk.calendar import CampaignCalendar
from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_desk.programme import ProgrammeReports
from backend.services.coupons.book import CouponBook
from backend.services.coupons.issuing import CouponIssues
from backend.services.coupons.ledger import CouponLedger
from backend.services.customer_tokens.tokens import CustomerTokens
from backend.services.event_volumes import EventVolumes
from backend.services.exports.desk import Exports
from backend.services.failed_events import FailedEvents
from backend.services.health import Health
from backend.services.imports.desk import ImportDesk
from backend.services.insights import Insights
from backend.services.journeys.looking import JourneyDesk
from backend.services.life_cycle import LifeCycle
from backend.services.margins import Margins
from backend.services.memberships.looking import MembershipLedger
from backend.services.people import People
from backend.services.playbooks import Playbooks
from backend.services.privacy.rights import Rights
from backend.services.ranks import RankDesk
from backend.services.replays import Replays
from backend.services.segment_overlaps import SegmentOverlaps
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_values import SegmentValues
from backend.services.segment_versions import SegmentVersions
from backend.services.shop import Shop
from backend.services.snapshots import Snapshots
from backend.services.source_keys import SourceKeys
from backend.services.sources import Sources
from backend.services.static_lists import StaticLists
from backend.services.tracking_plans import TrackingPlans
from backend.services.webhooks.endpoints import Webhooks


@runtime_checkable  # Litestar checks what it injects
class PageServices(Protocol):
    """The services behind the pages."""

    @property
    def clock(self) -> Clock:
        """Tells the present moment."""
        ...

    @property
    def access(self) -> Access:
        """Administrators and sessions."""
        ...

    @property
    def shop(self) -> Shop:
        """What the shop decided about itself."""
        ...

    @property
    def health(self) -> Health:
        """Whether the installation is well."""
        ...

    @property
    def insights(self) -> Insights:
        """KPIs and the dashboard."""
        ...

    @property
    def snapshots(self) -> Snapshots:
        """Figures kept every day."""
        ...

    @property
    def people(self) -> People:
        """Members."""
        ...

    @property
    def segment_runs(self) -> SegmentRuns:
        """Segments."""
        ...

    @property
    def segment_overlaps(self) -> SegmentOverlaps:
        """How segments overlap."""
        ...

    @property
    def segment_versions(self) -> SegmentVersions:
        """Versions and drafts of segments."""
        ...

    @property
    def membership_ledger(self) -> MembershipLedger:
        """Who is in segments since when."""
        ...

    @property
    def static_lists(self) -> StaticLists:
        """Lists of people that stay as they were put together."""
        ...

    @property
    def segment_values(self) -> SegmentValues:
        """What the segment builder suggests."""
        ...

    @property
    def playbooks(self) -> Playbooks:
        """Campaigns ready to be made into drafts."""
        ...

    @property
    def journey_desk(self) -> JourneyDesk:
        """Journeys: people on each step, single ways, the picture."""
        ...

    @property
    def campaign_desk(self) -> CampaignDesk:
        """Campaigns."""
        ...

    @property
    def campaign_breakdowns(self) -> CampaignBreakdowns:
        """Campaigns by the parts of their people."""
        ...

    @property
    def campaign_calendar(self) -> CampaignCalendar:
        """What goes out when, and how much of it people get."""
        ...

    @property
    def programme_reports(self) -> ProgrammeReports:
        """What all campaigns do together."""
        ...

    @property
    def event_volumes(self) -> EventVolumes:
        """Events by name."""
        ...

    @property
    def failed_events(self) -> FailedEvents:
        """What could not be taken in."""
        ...

    @property
    def replays(self) -> Replays:
        """The way back for failed events."""
        ...

    @property
    def plans(self) -> TrackingPlans:
        """Tracking plans of sources."""
        ...

    @property
    def customer_tokens(self) -> CustomerTokens:
        """What sources ask of customer tokens."""
        ...

    @property
    def source_keys(self) -> SourceKeys:
        """Keys and limits of sources."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """Keys of programs that read and steer."""
        ...

    @property
    def sources(self) -> Sources:
        """Sources of events and what came of them."""
        ...

    @property
    def import_desk(self) -> ImportDesk:
        """Imports of files."""
        ...

    @property
    def exports(self) -> Exports:
        """Files of what is known."""
        ...

    @property
    def rights(self) -> Rights:
        """Disclosure and erasure."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Servers that are told what happens."""
        ...

    @property
    def coupon_book(self) -> CouponBook:
        """Definitions of coupons."""
        ...

    @property
    def coupon_issues(self) -> CouponIssues:
        """Coupons given out."""
        ...

    @property
    def coupon_ledger(self) -> CouponLedger:
        """What became of coupons."""
        ...

    @property
    def rank_desk(self) -> RankDesk:
        """Rank rules and computed ranks."""
        ...

    @property
    def life_cycle(self) -> LifeCycle:
        """Versions of the life-cycle thresholds."""
        ...

    @property
    def margins(self) -> Margins:
        """Versions of the margin rates."""
        ...
