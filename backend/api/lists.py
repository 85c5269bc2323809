"""Static lists for server programs."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter

from backend.api.guards import actor_of, requires
from backend.api.list_answers import ListAnswer, TakenAnswer, UsesAnswer, list_answer, taken_answer, uses_answer
from backend.api.parameters import Number
from backend.api.segment_answers import MemberAnswer, member_answer
from backend.errors import BadInput
from backend.services.static_lists import StaticLists
from segments.id_lists import given_ids

_READ = requires("segments:read")
_WRITE = requires("segments:write")

_SegmentId = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
After = Annotated[int, QueryParameter(ge=0, le=2**63 - 1, description="The last customer of the page before.")]
MemberLimit = Annotated[int, QueryParameter(ge=1, le=1000, description="Entries of a page.")]


class NewList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list to make: of your own member numbers, or of a segment's members, ``at`` a moment or now."""

    name: str
    exclusion: bool = False
    user_ids: list[str] | None = None
    segment_id: _SegmentId | None = None
    at: datetime | None = None


class ChangedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list's name, and whether it keeps people out of campaigns, from now on; ``confirm`` where campaigns wait."""

    name: str
    exclusion: bool
    confirm: bool = False


class ListedIds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Your own member numbers."""

    user_ids: list[str]


class ListController(Controller):
    """Lists of people who were put together once; exclusion lists keep them out of campaigns."""

    path = "/lists"
    tags = ("lists",)

    @get("/", summary="List static lists with their sizes", guards=[_READ])
    async def list_lists(
        self, *, static_lists: NamedDependency[StaticLists], archived: FromQuery[bool] = False
    ) -> list[ListAnswer]:
        """By name; archived ones, last, only on request."""
        return [list_answer(each) for each in await static_lists.list(archived=archived)]

    @post("/", summary="Create a static list", guards=[_WRITE])
    async def create_list(
        self,
        request: Request[None, None, State],
        data: JSONBody[NewList],
        static_lists: NamedDependency[StaticLists],
    ) -> TakenAnswer:
        """Put people together; numbers that nobody has are counted and told."""
        if (data.user_ids is None) == (data.segment_id is None):
            raise BadInput("Name either user_ids or segment_id.", field="user_ids")
        actor = actor_of(request)
        if data.segment_id is None:
            if data.at is not None:
                raise BadInput("A moment goes with a segment.", field="at")
            given = given_ids(enumerate(data.user_ids or (), start=1))
            made = await static_lists.create(data.name, given, exclusion=data.exclusion, origin="API", actor=actor)
            return taken_answer(made)
        if data.at is not None and data.at.tzinfo is None:
            raise BadInput("State the offset of the moment, as in 2026-04-01T00:00:00+09:00.", field="at")
        kept = await static_lists.create_from_segment(
            data.name, data.segment_id, at=data.at, exclusion=data.exclusion, actor=actor
        )
        return TakenAnswer(list=list_answer(kept), read=kept.size, changed=kept.size)

    @get("/{list_id:int}", summary="Read a static list", guards=[_READ])
    async def get_list(self, list_id: Number, static_lists: NamedDependency[StaticLists]) -> ListAnswer:
        """Its name, size and origin."""
        return list_answer(await static_lists.get(list_id))

    @put("/{list_id:int}", summary="Change a static list", guards=[_WRITE])
    async def save_list(
        self,
        request: Request[None, None, State],
        list_id: Number,
        data: JSONBody[ChangedList],
        static_lists: NamedDependency[StaticLists],
    ) -> ListAnswer:
        """Give it another name, or have it keep people out of campaigns."""
        saved = await static_lists.save(
            list_id, name=data.name, exclusion=data.exclusion, actor=actor_of(request), confirm=data.confirm
        )
        return list_answer(saved)

    @delete("/{list_id:int}", summary="Archive a static list", guards=[_WRITE])
    async def archive_list(
        self,
        request: Request[None, None, State],
        list_id: Number,
        static_lists: NamedDependency[StaticLists],
        *,
        confirm: FromQuery[bool] = False,
    ) -> None:
        """Put it away. Refused while a live segment asks for it; ``confirm`` where campaigns wait that go by it."""
        await static_lists.archive(list_id, actor=actor_of(request), confirm=confirm)

    @post("/{list_id:int}/restore", status_code=200, summary="Take an archived list back", guards=[_WRITE])
    async def restore_list(
        self, request: Request[None, None, State], list_id: Number, static_lists: NamedDependency[StaticLists]
    ) -> ListAnswer:
        """It is in use again."""
        return list_answer(await static_lists.restore(list_id, actor=actor_of(request)))

    @get("/{list_id:int}/uses", summary="What goes by a static list", guards=[_READ])
    async def list_uses(self, list_id: Number, static_lists: NamedDependency[StaticLists]) -> UsesAnswer:
        """Segments that ask for it, and campaigns that wait and that an exclusion list keeps people out of."""
        return uses_answer(await static_lists.uses(list_id))

    @get("/{list_id:int}/members", summary="Who is on a static list", guards=[_READ])
    async def list_members(
        self,
        list_id: Number,
        static_lists: NamedDependency[StaticLists],
        after: After = 0,
        limit: MemberLimit = 1000,
    ) -> list[MemberAnswer]:
        """By Joren's number of the customer."""
        return [member_answer(each) for each in await static_lists.members(list_id, after=after, limit=limit)]

    @post("/{list_id:int}/members", status_code=200, summary="Put people on a static list", guards=[_WRITE])
    async def add_members(
        self,
        request: Request[None, None, State],
        list_id: Number,
        data: JSONBody[ListedIds],
        static_lists: NamedDependency[StaticLists],
    ) -> TakenAnswer:
        """By your own member numbers."""
        given = given_ids(enumerate(data.user_ids, start=1))
        return taken_answer(await static_lists.add(list_id, given, actor=actor_of(request)))

    @post("/{list_id:int}/removals", status_code=200, summary="Take people off a static list", guards=[_WRITE])
    async def remove_members(
        self,
        request: Request[None, None, State],
        list_id: Number,
        data: JSONBody[ListedIds],
        static_lists: NamedDependency[StaticLists],
    ) -> TakenAnswer:
        """By your own member numbers."""
        given = given_ids(enumerate(data.user_ids, start=1))
        return taken_answer(await static_lists.remove(list_id, given, actor=actor_of(request)))
