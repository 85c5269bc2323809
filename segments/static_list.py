"""A static list: people who were put together once, and stay until somebody takes them off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from segments.id_lists import BadLine


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticList:
    """One list.

    Attributes:
        exclusion: whoever stands on it gets no campaign.
        origin: where it came from, for people: a file, a segment at a moment.
        size: customers on it, each person once.
        known_since: see `segments.raw_members`; of the segment that it was made from, when it was.
    """

    list_id: int
    name: str
    exclusion: bool
    origin: str
    size: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    archived_at: datetime | None
    known_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the numbers that were given.

    Attributes:
        read: numbers that were given, repeated and bad ones with them: the sum of all others.
        changed: people who were put on the list, or taken off.
        already: people who were on it before, or were not on it.
        repeated: given more than once, or another number of a person who was given.
        unknown: numbers that nobody has.
        bad: lines that cannot be a number.
    """

    kept: StaticList
    read: int
    changed: int
    already: int
    repeated: int
    unknown: tuple[str, ...]
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class Uses:
    """What goes by a list: names of segments that ask for it, and of campaigns that wait and that it would stop or let go."""

    segments: Mapping[int, str]
    campaigns: Mapping[int, str]
