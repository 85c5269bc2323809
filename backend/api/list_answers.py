"""How static lists are told as data: what API and command line share."""

from datetime import date, datetime

import msgspec

from segments.id_lists import BadLine
from segments.static_list import StaticList, Taken, Uses

MOST_TOLD = 1_000
"""Unknown numbers, and bad lines, in one answer; their counts are of all."""


class ListAnswer(msgspec.Struct, frozen=True):
    """A static list; ``exclusion``: whoever stands on it gets no campaign.

    ``known_since`` is of the segment that it was made from: null where all history that the rule asks for was there, else the
    first day of which it was.
    """

    id: int
    name: str
    exclusion: bool
    origin: str
    size: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    archived_at: datetime | None
    known_since: date | None = None


class TakenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the numbers given: ``read`` is the sum of ``changed``, ``already``, ``repeated``, unknown and bad ones."""

    list: ListAnswer
    read: int
    changed: int
    already: int = 0
    repeated: int = 0
    unknown_count: int = 0
    unknown: tuple[str, ...] = ()
    bad_count: int = 0
    bad: tuple[BadLine, ...] = ()


class UseAnswer(msgspec.Struct, frozen=True):
    """A segment or campaign."""

    id: int
    name: str


class UsesAnswer(msgspec.Struct, frozen=True):
    """What goes by it."""

    segments: tuple[UseAnswer, ...]
    campaigns: tuple[UseAnswer, ...]


def list_answer(kept: StaticList) -> ListAnswer:
    """A list as API and command line tell it."""
    return ListAnswer(
        id=kept.list_id,
        name=kept.name,
        exclusion=kept.exclusion,
        origin=kept.origin,
        size=kept.size,
        created_at=kept.created_at,
        created_by=kept.created_by,
        changed_at=kept.changed_at,
        archived_at=kept.archived_at,
        known_since=kept.known_since,
    )


def taken_answer(taken: Taken) -> TakenAnswer:
    """What became of numbers, as API and command line tell it."""
    return TakenAnswer(
        list=list_answer(taken.kept),
        read=taken.read,
        changed=taken.changed,
        already=taken.already,
        repeated=taken.repeated,
        unknown_count=len(taken.unknown),
        unknown=taken.unknown[:MOST_TOLD],
        bad_count=len(taken.bad),
        bad=taken.bad[:MOST_TOLD],
    )


def uses_answer(uses: Uses) -> UsesAnswer:
    """Uses as API and command line tell them."""
    return UsesAnswer(
        segments=tuple(UseAnswer(number, name) for number, name in uses.segments.items()),
        campaigns=tuple(UseAnswer(number, name) for number, name in uses.campaigns.items()),
    )
