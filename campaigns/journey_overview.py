"""What is shown of a journey that runs: people on each step, who they are, and the way each has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.journey_picture import Count
from campaigns.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyOverview:
    """One version of a journey with its people.

    Attributes:
        version: which version; `versions` are those that anybody entered, the newest last.
        steps: of it; a campaign without steps is its one push.
        counts: people by the place of the step.
        outcomes: what came of each step: how often each word.
        entered: how many ever entered this version.
        left: those who left, by reason.
    """

    campaign_id: int
    version: int
    versions: tuple[int, ...]
    steps: tuple[Step, ...]
    counts: Mapping[int, Count]
    outcomes: Mapping[int, Mapping[str, int]]
    entered: int
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One person's way through a campaign, as a list shows it.

    Attributes:
        occurrence: the cause: the number of the event, the change or the launch.
        step: the place where she stands, or left.
        state: waiting, left, or aside where a step always failed.
        reason: why she left, or what failed.
        waiting_for: the event she waits for.
        due_at: when she is looked at next.
        until_at: when waiting for an event ends.
        way_kept: the steps she passed are still told one by one; those of who left long ago are only counted.
    """

    entry_id: int
    campaign_id: int
    version: int
    customer_id: int
    user_id: str | None
    occurrence: int
    step: int
    lap: int
    waits: bool
    state: str
    reason: str | None
    waiting_for: str | None
    due_at: datetime
    until_at: datetime | None
    entered_at: datetime
    changed_at: datetime
    attempts: int
    way_kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLine:
    """A step that was passed: the way out where there are several, and what came of it."""

    step: int
    lap: int
    way: str
    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetail:
    """One person's way, step by step."""

    entry: EntryLine
    visits: Sequence[VisitLine]
