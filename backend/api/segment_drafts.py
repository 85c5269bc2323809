"""Drafts of segments, what changed between versions, and what goes by a segment."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from backend.api.guards import actor_of, requires
from backend.api.membership_answers import (
    DraftAnswer,
    EditAnswer,
    SegmentUsesAnswer,
    draft_answer,
    edit_answer,
    segment_uses_answer,
)
from backend.api.parameters import Number
from backend.api.segment_answers import SegmentAnswer, read_rule, segment_answer
from backend.errors import NotFound
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_versions import SegmentVersions

_READ = requires("segments:read")
_WRITE = requires("segments:write")


class DraftedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule to write down; ``expected`` is ``saved_at`` of the draft that the change began with, to notice others' changes."""

    rule: dict[str, Any]
    expected: datetime | None = None


class DraftController(Controller):
    """Rules that are being written while the live ones stay in force."""

    path = "/segments"
    tags = ("segments",)

    @get("/{segment_id:int}/edits", summary="Who changed what in a segment", guards=[_READ])
    async def list_edits(
        self, segment_id: Number, segment_versions: NamedDependency[SegmentVersions]
    ) -> list[EditAnswer]:
        """Every version, the present one first, with the conditions that went and came."""
        return [edit_answer(each) for each in await segment_versions.list(segment_id)]

    @get("/{segment_id:int}/uses", summary="What goes by a segment", guards=[_READ])
    async def read_uses(self, segment_id: Number, segment_runs: NamedDependency[SegmentRuns]) -> SegmentUsesAnswer:
        """Segments that ask for it, and campaigns that wait to be sent to it or to one of these."""
        return segment_uses_answer(await segment_runs.uses(segment_id))

    @get("/{segment_id:int}/draft", summary="Read a segment's draft", guards=[_READ])
    async def get_draft(self, segment_id: Number, segment_versions: NamedDependency[SegmentVersions]) -> DraftAnswer:
        """With what it would change."""
        draft = await segment_versions.draft(segment_id)
        if draft is None:
            raise NotFound(f"Segment {segment_id} has no draft.", code="draft_not_found")
        return draft_answer(draft)

    @put("/{segment_id:int}/draft", summary="Write a segment's draft", guards=[_WRITE])
    async def save_draft(
        self,
        request: Request[None, None, State],
        segment_id: Number,
        data: JSONBody[DraftedRule],
        segment_versions: NamedDependency[SegmentVersions],
    ) -> DraftAnswer:
        """In place of the one before; the live segment stays as it is."""
        rule, actor = read_rule(data.rule), actor_of(request)
        return draft_answer(await segment_versions.save_draft(segment_id, rule, actor=actor, expected=data.expected))

    @delete("/{segment_id:int}/draft", summary="Discard a segment's draft", guards=[_WRITE])
    async def discard_draft(
        self,
        request: Request[None, None, State],
        segment_id: Number,
        segment_versions: NamedDependency[SegmentVersions],
    ) -> None:
        """It is gone; the live segment stays as it is."""
        await segment_versions.discard_draft(segment_id, actor=actor_of(request))

    @post("/{segment_id:int}/draft/publish", status_code=200, summary="Publish a segment's draft", guards=[_WRITE])
    async def publish_draft(
        self,
        request: Request[None, None, State],
        segment_id: Number,
        segment_versions: NamedDependency[SegmentVersions],
        *,
        confirm: FromQuery[bool] = False,
    ) -> SegmentAnswer:
        """Put it in force as the next version; ``confirm`` where campaigns or other segments go by the segment."""
        return segment_answer(
            await segment_versions.publish_draft(segment_id, actor=actor_of(request), confirm=confirm)
        )
