"""What loading the demo shop asks of the installation, as a port: wiring's `Services` fits it."""

from typing import Protocol

import asyncpg

from backend.clock import Clock
from backend.services.definitions import Definitions
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
