"""How segments are told as data: what API and command line share, without the web framework that the latter does not need."""

from datetime import date, datetime
from typing import Any

import msgspec

from backend.errors import BadInput
from segments.errors import RuleError
from segments.ledger import Member
from segments.overview import Explanation, Preview, StoredSegment
from segments.preview import Count
from segments.rules.explain import Finding
from segments.rules.parse import dump, parse, place_of
from segments.rules.rule import Rule


class Sentence(msgspec.Struct, frozen=True):
    """A rule in words."""

    ja: str
    en: str


class SegmentAnswer(msgspec.Struct, frozen=True):
    """A segment with one version of its rule."""

    id: int
    name: str
    version: int
    rule: dict[str, Any]
    sentence: Sentence
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None


class CountAnswer(msgspec.Struct, frozen=True):
    """Members, all customers, members who can be reached by push, and up to when facts are known.

    ``known_since`` is null where all history that the rule asks for is there, else the first day of which it is: what came before was
    dropped (JOREN_HISTORY_MONTHS), so that members may be too few, or, where the rule denies something, too many.
    """

    size: int
    total: int
    share: float | None
    reachable: int
    as_of: datetime
    known_since: date | None


class ListedAnswer(msgspec.Struct, frozen=True):
    """A line of the list."""

    segment: SegmentAnswer
    count: CountAnswer


class RankAnswer(msgspec.Struct, frozen=True):
    """Members of one rank; null for those without."""

    rank: str | None
    size: int


class PreviewAnswer(msgspec.Struct, frozen=True):
    """What a rule would hold."""

    count: CountAnswer
    sentence: Sentence
    by_rank: list[RankAnswer]
    sample: list[int]
    """Numbers of a few members."""


class MemberAnswer(msgspec.Struct, frozen=True):
    """A member; ``entered_at`` is null where he was in it when it was first counted, or longer ago than that is kept."""

    customer_id: int
    user_id: str | None
    entered_at: datetime | None


class ExplanationAnswer(msgspec.Struct, frozen=True):
    """Why a customer is or is not in a segment; ``excluded`` is a test account that the shop leaves out.

    ``known_since`` as in a count.
    """

    customer_id: int
    member: bool
    excluded: bool
    ja: Finding
    en: Finding
    as_of: datetime
    known_since: date | None


def read_rule(document: dict[str, Any]) -> Rule:
    """The rule of a request's body.

    Raises:
        BadInput: it is none; ``field`` says where.
    """
    try:
        return parse(document)
    except RuleError as error:
        place = ".".join(("rule", place_of(error))).rstrip(".")
        raise BadInput(f"{place}: {error.message}", code="bad_rule", field=place) from error


def segment_answer(stored: StoredSegment) -> SegmentAnswer:
    """A kept segment as API and command line tell it."""
    segment = stored.segment
    return SegmentAnswer(
        id=segment.id,
        name=segment.name,
        version=segment.version,
        rule=dump(segment.rule),
        sentence=Sentence(stored.sentence_ja, stored.sentence_en),
        changed_at=stored.changed_at,
        changed_by=stored.changed_by,
        archived_at=stored.archived_at,
    )


def count_answer(count: Count) -> CountAnswer:
    """A count as API and command line tell it."""
    return CountAnswer(count.size, count.total, count.share, count.reachable, count.as_of, count.known_since)


def preview_answer(preview: Preview) -> PreviewAnswer:
    """A preview as API and command line tell it."""
    return PreviewAnswer(
        count=count_answer(preview.count),
        sentence=Sentence(preview.sentence_ja, preview.sentence_en),
        by_rank=[RankAnswer(each.name, each.size) for each in preview.groups],
        sample=[person.customer_id for person in preview.sample],
    )


def member_answer(member: Member) -> MemberAnswer:
    """A member as API and command line tell him."""
    return MemberAnswer(member.customer_id, member.user_id, member.entered_at)


def explanation_answer(why: Explanation) -> ExplanationAnswer:
    """An explanation as API and command line tell it."""
    return ExplanationAnswer(why.customer_id, why.member, why.excluded, why.ja, why.en, why.as_of, why.known_since)
