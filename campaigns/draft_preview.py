"""What is known of a campaign before it is kept: when it would be launched, and how many people it is for."""

from dataclasses import dataclass
from datetime import date, datetime

UPCOMING = 5
"""Launches that are told of what is not kept yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """How many people a segment holds.

    Attributes:
        total: its members, before any gate.
        reachable: those of them who can be reached by push.
        as_of: how fresh the facts are.
        known_since: see `segments.raw_members`: whether who they are hangs on history that was dropped.
    """

    total: int
    reachable: int
    as_of: datetime
    known_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPreview:
    """When a draft that is not kept would be launched, and for how many.

    Attributes:
        launches: the next moments in UTC, at most `UPCOMING`; empty where it is launched as soon as it is submitted, begins person
            by person, or no date is left.
        zone: IANA name of the shop's time zone, by whose clock it repeats.
        audience: None where it names no segment, or there are no facts about customers yet.
    """

    launches: tuple[datetime, ...]
    zone: str
    audience: Audience | None
