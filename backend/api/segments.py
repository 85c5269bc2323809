"""Segments for server programs: the same questions as the builder on the pages asks."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from backend.api.guards import requires
from backend.api.parameters import CustomerFilter, Number, Version
from backend.errors import BadInput
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from segments.errors import RuleError
from segments.overview import Explanation, Preview, StoredSegment
from segments.preview import Count
from segments.rules.conditions import CONDITIONS, Conditions
from segments.rules.explain import Finding
from segments.rules.parse import dump, parse, place_of
from segments.rules.rule import Rule

ACTOR = "API"
_READ = requires("segments:read")
_WRITE = requires("segments:write")


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
    """Members, all customers, members who can be reached by push, and up to when facts are known."""

    size: int
    total: int
    share: float | None
    reachable: int
    as_of: datetime


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


class ExplanationAnswer(msgspec.Struct, frozen=True):
    """Why a customer is or is not in a segment; ``excluded`` is a test account that the shop leaves out."""

    customer_id: int
    member: bool
    excluded: bool
    ja: Finding
    en: Finding
    as_of: datetime


class NewSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A segment to make: its name, and its rule in the language of docs/how-to/segment-rules.md."""

    name: str
    rule: dict[str, Any]


class ChangedSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A segment's name and rule from now on; ``version`` is the one the change began with, to notice others' changes."""

    name: str
    rule: dict[str, Any]
    version: int | None = None


class AskedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule to look at without keeping it."""

    rule: dict[str, Any]


class SegmentController(Controller):
    """Segments: kept rules, their sizes, and why somebody is in one."""

    path = "/segments"
    tags = ("segments",)

    @get("/", summary="List segments with their sizes", guards=[_READ])
    async def list_segments(
        self, *, segment_runs: NamedDependency[SegmentRuns], archived: FromQuery[bool] = False
    ) -> list[ListedAnswer]:
        """All segments by name; archived ones, last, only on request."""
        listed = await segment_runs.list(archived=archived)
        return [ListedAnswer(segment_answer(each.stored), count_answer(each.count)) for each in listed]

    @get("/conditions", summary="List what a rule can ask for", guards=[_READ])
    async def list_conditions(self) -> Conditions:
        """Attributes with their operators, and events."""
        return CONDITIONS

    @post("/", summary="Create a segment", guards=[_WRITE])
    async def create_segment(
        self, data: JSONBody[NewSegment], segment_runs: NamedDependency[SegmentRuns]
    ) -> SegmentAnswer:
        """Keep a rule under a name."""
        return segment_answer(await segment_runs.create(data.name, read_rule(data.rule), actor=ACTOR))

    @post("/preview", status_code=200, summary="Look at a rule without keeping it", guards=[_READ])
    async def preview_rule(
        self, data: JSONBody[AskedRule], segment_runs: NamedDependency[SegmentRuns]
    ) -> PreviewAnswer:
        """Size, share, reach, ranks, a few members, and the rule in words."""
        return preview_answer(await segment_runs.preview(read_rule(data.rule)))

    @get("/{segment_id:int}", summary="Read a segment", guards=[_READ])
    async def get_segment(
        self,
        segment_id: Number,
        segment_runs: NamedDependency[SegmentRuns],
        version: Version = None,
    ) -> SegmentAnswer:
        """The present version of its rule, or the one asked for."""
        return segment_answer(await segment_runs.get(segment_id, version=version))

    @get("/{segment_id:int}/versions", summary="List a segment's versions", guards=[_READ])
    async def list_versions(
        self, segment_id: Number, segment_runs: NamedDependency[SegmentRuns]
    ) -> list[SegmentAnswer]:
        """Every version of its rule, the present one first."""
        return [segment_answer(each) for each in await segment_runs.versions(segment_id)]

    @put("/{segment_id:int}", summary="Change a segment", guards=[_WRITE])
    async def save_segment(
        self,
        segment_id: Number,
        data: JSONBody[ChangedSegment],
        segment_runs: NamedDependency[SegmentRuns],
    ) -> SegmentAnswer:
        """Give it another name or rule; a changed rule is a new version."""
        rule = read_rule(data.rule)
        saved = await segment_runs.save(
            segment_id, name=data.name, rule=rule, actor=ACTOR, expected_version=data.version
        )
        return segment_answer(saved)

    @delete("/{segment_id:int}", summary="Archive a segment", guards=[_WRITE])
    async def archive_segment(self, segment_id: Number, segment_runs: NamedDependency[SegmentRuns]) -> None:
        """Put it away; its versions stay."""
        await segment_runs.archive(segment_id, actor=ACTOR)

    @get("/{segment_id:int}/count", summary="Count a segment's members", guards=[_READ])
    async def count_segment(self, segment_id: Number, segment_runs: NamedDependency[SegmentRuns]) -> CountAnswer:
        """How large it is now."""
        return count_answer(await segment_runs.count(segment_id))

    @get("/{segment_id:int}/explain", summary="Explain a membership", guards=[_READ])
    async def explain_membership(
        self,
        segment_id: Number,
        segment_runs: NamedDependency[SegmentRuns],
        people: NamedDependency[People],
        customer_id: CustomerFilter = None,
        user_id: FromQuery[str | None] = None,
    ) -> ExplanationAnswer:
        """Why a customer, named by ``customer_id`` or by your own ``user_id``, is or is not in the segment."""
        if (customer_id is None) == (user_id is None):
            raise BadInput("Name the customer by customer_id or by user_id.", field="customer_id")
        number = customer_id if user_id is None else await people.find(user_id)
        assert number is not None  # noqa: S101 - one of the two is there
        return explanation_answer(await segment_runs.explain(segment_id, customer_id=number))


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
    return CountAnswer(count.size, count.total, count.share, count.reachable, count.as_of)


def preview_answer(preview: Preview) -> PreviewAnswer:
    """A preview as API and command line tell it."""
    return PreviewAnswer(
        count=count_answer(preview.count),
        sentence=Sentence(preview.sentence_ja, preview.sentence_en),
        by_rank=[RankAnswer(each.rank, each.size) for each in preview.by_rank],
        sample=[person.customer_id for person in preview.sample],
    )


def explanation_answer(why: Explanation) -> ExplanationAnswer:
    """An explanation as API and command line tell it."""
    return ExplanationAnswer(why.customer_id, why.member, why.excluded, why.ja, why.en, why.as_of)
