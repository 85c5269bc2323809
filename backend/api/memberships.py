"""Who is in a segment since when, who entered and left: for server programs that follow segments."""

from datetime import date
from typing import Annotated, TypeVar

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from backend.api.guards import requires
from backend.api.membership_answers import (
    ChangeAnswer,
    HistoryAnswer,
    StateAnswer,
    change_answer,
    history_answer,
    state_answer,
)
from backend.api.parameters import Number, SegmentFilter
from backend.api.segment_answers import MemberAnswer, member_answer
from backend.services.memberships.looking import MembershipLedger

_READ = requires("segments:read")
_LARGEST = 2**63 - 1

_After = Annotated[int, QueryParameter(ge=0, le=_LARGEST, description="The last number of the page before.")]
_Before = Annotated[int | None, QueryParameter(ge=1, le=_LARGEST, description="The last number of the page before.")]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Entries of a page.")]
_Days = Annotated[int, QueryParameter(ge=1, le=3660, description="Business days, this one the last.")]


KNOWN_SINCE = "Joren-Known-Since"
"""Header of an answer that lists members or changes: ``known_since`` of a count."""

_T = TypeVar("_T")


def _since(answer: list[_T], since: date | None) -> Response[list[_T]]:
    """An answer that says since when history is there, where some was dropped that decides it."""
    return Response(answer, headers=None if since is None else {KNOWN_SINCE: since.isoformat()})


class MembershipController(Controller):
    """Members that are kept after each refresh, and their changes."""

    path = "/segments"
    tags = ("segments",)

    @get("/changes", summary="Follow who enters and leaves", guards=[_READ])
    async def follow(
        self,
        membership_ledger: NamedDependency[MembershipLedger],
        after: _After = 0,
        segment_id: SegmentFilter = None,
        limit: _Limit = 1000,
    ) -> Response[list[ChangeAnswer]]:
        """Changes after a number, in their order: ask on from the last number you got, and you miss none.

        Where history was dropped that decides any of them, the header ``Joren-Known-Since`` says since when it is there.
        """
        found = await membership_ledger.feed(after=after, segment_id=segment_id, limit=limit)
        since = await membership_ledger.known_since(sorted({each.segment_id for each in found}))
        return _since([change_answer(each) for each in found], since)

    @get("/{segment_id:int}/state", summary="How many are in a segment, and up to when that is true", guards=[_READ])
    async def read_state(self, segment_id: Number, membership_ledger: NamedDependency[MembershipLedger]) -> StateAnswer:
        """As it is kept: nothing is counted for this answer."""
        return state_answer(await membership_ledger.state(segment_id))

    @get("/{segment_id:int}/members", summary="Who is in a segment, and since when", guards=[_READ])
    async def list_members(
        self,
        segment_id: Number,
        membership_ledger: NamedDependency[MembershipLedger],
        after: _After = 0,
        limit: _Limit = 1000,
    ) -> Response[list[MemberAnswer]]:
        """By Joren's number of the customer.

        Where history was dropped that decides who they are, the header ``Joren-Known-Since`` says since when it is there.
        """
        found = await membership_ledger.members(segment_id, after=after, limit=limit)
        since = (await membership_ledger.state(segment_id)).known_since
        return _since([member_answer(each) for each in found], since)

    @get("/{segment_id:int}/changes", summary="Who entered and left a segment", guards=[_READ])
    async def list_changes(
        self,
        segment_id: Number,
        membership_ledger: NamedDependency[MembershipLedger],
        before: _Before = None,
        limit: _Limit = 100,
    ) -> Response[list[ChangeAnswer]]:
        """Newest first; the header as where members are listed."""
        found = await membership_ledger.changes(segment_id, before=before, limit=limit)
        return _since([change_answer(each) for each in found], await membership_ledger.known_since([segment_id]))

    @get("/{segment_id:int}/history", summary="A segment's size by day", guards=[_READ])
    async def read_history(
        self, segment_id: Number, membership_ledger: NamedDependency[MembershipLedger], days: _Days = 90
    ) -> HistoryAnswer:
        """Members at the end of each business day, and how many entered and left on it."""
        return history_answer(await membership_ledger.history(segment_id, days=days))
