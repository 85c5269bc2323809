"""One launch as a value, who lets people into journeys, and why a launch can never succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.store.pool import Connection
from campaigns.experiment import ArmName
from campaigns.phases import Phases
from segments.errors import RuleError


class SegmentGone(Exception):
    """The segment of a campaign was archived: nobody can say any more whom it is for."""


def failure_of(error: Exception) -> str:
    """The reason, one of `campaigns.campaign.FAILURES`."""
    if isinstance(error, SegmentGone):
        return "segment_archived"
    return "segment_broken" if isinstance(error, RuleError) else "content"


class Enter(Protocol):
    """Lets people into a journey, in the caller's transaction."""

    async def __call__(
        self,
        connection: Connection,
        *,
        campaign_id: int,
        version: int,
        occurrence: int,
        customer_ids: Sequence[int],
        now: datetime,
    ) -> object:
        """Once for each customer and occurrence, however often it is called."""
        ...


@dataclass(frozen=True, slots=True)
class Launch:
    """Whom one occurrence is for.

    Attributes:
        entering: customers who enter a journey.
        phases: what the gates decided, of a campaign that sends by itself.
    """

    occurrence: int
    entering: list[int]
    phases: Phases | None
    segment_version: int

    @property
    def targeted(self) -> int:
        """How many people it is for."""
        return self.phases.together.people.height if self.phases is not None else len(self.entering)

    @property
    def control(self) -> int:
        """How many of them are kept without it; of a journey that is drawn as they enter."""
        return self.phases.together.arm(ArmName.CONTROL).height if self.phases is not None else 0

    @property
    def planned_at(self) -> datetime | None:
        """The planned send time of the first who get it; None of a journey."""
        return self.phases.plan.planned_at if self.phases is not None else None

    @property
    def expires_at(self) -> datetime | None:
        """After this none of its messages goes out; None of a journey."""
        return (self.phases.rest or self.phases.plan).expires_at if self.phases is not None else None
