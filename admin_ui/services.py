"""What the pages ask of the shell, as a port: wiring's `Services` fits it, and so do the fakes of the tests."""

from typing import Any, Protocol, runtime_checkable

from backend.clock import Clock
from backend.services.access import Access
from backend.services.shop import Shop
from backend.services.sources import Sources


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
    def insights(self) -> Any:
        """KPIs and the dashboard."""
        ...

    @property
    def people(self) -> Any:
        """Members."""
        ...

    @property
    def segment_runs(self) -> Any:
        """Segments."""
        ...

    @property
    def campaign_desk(self) -> Any:
        """Campaigns."""
        ...

    @property
    def sources(self) -> Sources:
        """Sources of events and what came of them."""
        ...
