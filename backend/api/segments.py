"""Segments for server programs: the same questions as the builder on the pages asks."""

from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from backend.api.guards import actor_of, requires
from backend.api.parameters import CustomerFilter, Number, Version
from backend.api.segment_answers import (
    CountAnswer,
    ExplanationAnswer,
    ListedAnswer,
    PreviewAnswer,
    SegmentAnswer,
    count_answer,
    explanation_answer,
    preview_answer,
    read_rule,
    segment_answer,
)
from backend.services.people import People
from backend.services.segment_runs import SegmentRuns
from segments.rules.conditions import CONDITIONS, Conditions

_READ = requires("segments:read")
_WRITE = requires("segments:write")


class NewSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A segment to make: its name, and its rule in the language of docs/how-to/segment-rules.md."""

    name: str
    rule: dict[str, Any]


class ChangedSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A segment's name and rule from now on.

    ``version`` is the one the change began with, to notice others' changes; ``confirm`` changes a rule that campaigns or other
    segments go by.
    """

    name: str
    rule: dict[str, Any]
    version: int | None = None
    confirm: bool = False


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
        self,
        request: Request[None, None, State],
        data: JSONBody[NewSegment],
        segment_runs: NamedDependency[SegmentRuns],
    ) -> SegmentAnswer:
        """Keep a rule under a name."""
        return segment_answer(await segment_runs.create(data.name, read_rule(data.rule), actor=actor_of(request)))

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
        request: Request[None, None, State],
        segment_id: Number,
        data: JSONBody[ChangedSegment],
        segment_runs: NamedDependency[SegmentRuns],
    ) -> SegmentAnswer:
        """Give it another name or rule; a changed rule is a new version."""
        rule = read_rule(data.rule)
        saved = await segment_runs.save(
            segment_id,
            name=data.name,
            rule=rule,
            actor=actor_of(request),
            expected_version=data.version,
            confirm=data.confirm,
        )
        return segment_answer(saved)

    @delete("/{segment_id:int}", summary="Archive a segment", guards=[_WRITE])
    async def archive_segment(
        self, request: Request[None, None, State], segment_id: Number, segment_runs: NamedDependency[SegmentRuns]
    ) -> None:
        """Put it away; its versions stay."""
        await segment_runs.archive(segment_id, actor=actor_of(request))

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
        number = await people.named(user_id=user_id, customer_id=customer_id)
        return explanation_answer(await segment_runs.explain(segment_id, customer_id=number))
