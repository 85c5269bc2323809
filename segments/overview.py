"""What pages, API and command line are told about segments."""

from dataclasses import dataclass
from datetime import date, datetime

from segments.preview import About, Count, GroupCount
from segments.rules.explain import Finding
from segments.segment import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegment:
    """A segment as it is kept; ``changed_at`` and ``changed_by`` are of this version."""

    segment: Segment
    sentence_ja: str
    sentence_en: str
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSegment:
    """A line of the list of segments."""

    stored: StoredSegment
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One member as a preview shows him."""

    customer_id: int
    user_id: str | None
    name: str | None
    rank: str | None
    orders: int
    last_order: date | None
    last_seen: date | None
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rule would hold, with the rule in words.

    Attributes:
        by: what ``groups`` are: one of `segments.preview.PICTURES`.
        about: set where the figures are estimates, see `segments.preview.About`.
    """

    count: Count
    by: str
    groups: tuple[GroupCount, ...]
    sample: tuple[Person, ...]
    sentence_ja: str
    sentence_en: str
    about: About | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a customer is or is not in a segment.

    Attributes:
        member: whether he is.
        excluded: he is a test account and the shop leaves those out, whatever the rule says.
        known_since: see `segments.raw_members`.
    """

    segment: Segment
    customer_id: int
    member: bool
    excluded: bool
    ja: Finding
    en: Finding
    as_of: datetime
    known_since: date | None = None
