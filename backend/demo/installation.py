"""What loading the demo shop asks of the installation, as a port: wiring's `Services` fits it."""

from typing import Protocol

import asyncpg

from backend.clock import Clock
from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_runs import CampaignRuns
from backend.services.definitions import Definitions
from backend.services.deliveries import Deliveries
from backend.services.journeys.walking import JourneyRuns
from backend.services.playbooks import Playbooks
from backend.services.ranks import RankDesk
from backend.services.refresh.loop import Refresh
from backend.services.segment_runs import SegmentRuns
from backend.services.shop import Shop
from backend.services.sources import Sources


class Addressed(Protocol):
    """Settings that know how browsers reach the installation."""

    @property
    def public_url(self) -> str:
        """Address of the intake API and the admin pages."""
        ...


class SeasonServices(Protocol):
    """The services behind the campaigns that the demo shop has made by now."""

    @property
    def pool(self) -> asyncpg.Pool:
        """The database."""
        ...

    @property
    def refresh(self) -> Refresh:
        """Brings numbers up to date, by the season's clock."""
        ...

    @property
    def segment_runs(self) -> SegmentRuns:
        """Segments."""
        ...

    @property
    def campaign_desk(self) -> CampaignDesk:
        """Where campaigns are written, scheduled and approved."""
        ...

    @property
    def campaign_runs(self) -> CampaignRuns:
        """Launches them."""
        ...

    @property
    def journey_runs(self) -> JourneyRuns:
        """Leads people through journeys."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Sends."""
        ...

    @property
    def playbooks(self) -> Playbooks:
        """Campaigns ready to use."""
        ...


class DemoServices(Protocol):
    """The services behind the loader."""

    @property
    def settings(self) -> Addressed:
        """The operator's settings."""
        ...

    @property
    def clock(self) -> Clock:
        """Tells the present moment."""
        ...

    @property
    def pool(self) -> asyncpg.Pool:
        """The database."""
        ...

    @property
    def sources(self) -> Sources:
        """Sources and their keys."""
        ...

    @property
    def shop(self) -> Shop:
        """What the shop decided about itself."""
        ...

    @property
    def definitions(self) -> Definitions:
        """Coupons and stores."""
        ...

    @property
    def rank_desk(self) -> RankDesk:
        """Rank rules."""
        ...

    @property
    def segment_runs(self) -> SegmentRuns:
        """Segments."""
        ...

    @property
    def refresh(self) -> Refresh:
        """Brings facts up to date."""
        ...
