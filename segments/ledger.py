"""What is kept of memberships, as values: states, members, changes, sizes by day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipState:
    """How many are in a segment.

    Attributes:
        version: of the rule by which they were counted; None where they were not yet.
        current: whether that is the version in force; if not, they are being counted anew.
        reachable: members who can be reached by push.
        since: when members were first counted: those who were in it then entered at some moment before.
        changed_at: when somebody entered or left last.
        as_of: up to when facts are in it.
        seq: the last event that is in it.
        known_since: see `segments.raw_members`.
    """

    segment_id: int
    version: int | None
    current: bool
    size: int | None
    reachable: int | None
    since: datetime | None
    changed_at: datetime | None
    as_of: datetime | None
    seq: int
    known_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member; ``entered_at`` is None where he was in it when it was first counted, or longer ago than changes are kept."""

    customer_id: int
    user_id: str | None
    entered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Somebody entered a segment or left it.

    Attributes:
        change_id: numbers rise in the order in which changes came about.
        version: of the segment's rule.
        user_id: the shop's own number of the customer; None where he has none.
        cause: ``facts``, ``time``, ``rule`` (it says something else now) or ``merge`` (two customers turned out to be one).
    """

    change_id: int
    segment_id: int
    version: int
    customer_id: int
    user_id: str | None
    at: datetime
    entered: bool
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySize:
    """A business day: members at its end, and how many times somebody entered and left on it."""

    day: date
    size: int
    reachable: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class History:
    """A segment's members over time: how it stands, and every day, oldest first."""

    state: MembershipState
    days: tuple[DaySize, ...]


def carried(kept: Sequence[DaySize], *, first: date, last: date) -> tuple[DaySize, ...]:
    """Every day from ``first`` to ``last``, given the days on which something changed, oldest first.

    A day without a change has the size of the day before; days before the first one known are left out.
    """
    by_day = {one.day: one for one in kept}
    latest = next((one for one in reversed(kept) if one.day < first), None)
    found = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        latest = by_day.get(day) or (latest and replace(latest, day=day, entered=0, left=0))
        if latest is not None:
            found.append(latest)
    return tuple(found)
