"""People on their way through campaigns: for server programs that follow journeys."""

from typing import Annotated, Any, Literal

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from backend.api.guards import actor_of, requires
from backend.api.journey_answers import (
    EntryAnswer,
    EntryDetailAnswer,
    JourneyAnswer,
    RetryAnswer,
    entry_answer,
    entry_detail_answer,
    journey_answer,
)
from backend.api.parameters import TEXT, Number
from backend.services.journeys.looking import JourneyDesk

_LARGEST = 2**63 - 1
_Before = Annotated[int | None, QueryParameter(ge=1, le=_LARGEST, description="The last entry of the page before.")]
_State = Annotated[
    Literal["waiting", "left", "aside"] | None, QueryParameter(name="state", description="Only those in this state.")
]
_Step = Annotated[int | None, QueryParameter(ge=0, le=100, description="Only those at this step, counted from 0.")]
_User = Annotated[
    str | None,
    QueryParameter(max_length=255, pattern=TEXT, description="Only this member, by the shop's number."),
]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Entries of a page.")]
_Version = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="Of which version; the published one.")]
_EntryNumber = Annotated[int, PathParameter(ge=1, le=_LARGEST)]
_Entry = Annotated[int | None, QueryParameter(ge=1, le=_LARGEST, description="Only this one.")]


class JourneyController(Controller):
    """Journeys as they run."""

    path = "/campaigns"
    tags = ("campaigns",)

    @get("/{campaign_id:int}/journey", summary="People on each step", guards=[requires("campaigns:read")])
    async def read_journey(
        self, campaign_id: Number, journey_desk: NamedDependency[JourneyDesk], version: _Version = None
    ) -> JourneyAnswer:
        """Every step in words, who stands there, how often it was passed and what came of it; who left and why."""
        found = await journey_desk.overview(campaign_id, version=version)
        return journey_answer(found, ja=await journey_desk.words("ja"), en=await journey_desk.words("en"))

    @get("/{campaign_id:int}/entries", summary="Who is under way", guards=[requires("campaigns:read")])
    async def list_entries(
        self,
        *,
        campaign_id: Number,
        journey_desk: NamedDependency[JourneyDesk],
        standing: _State = None,
        step: _Step = None,
        user_id: _User = None,
        before: _Before = None,
        limit: _Limit = 100,
    ) -> list[EntryAnswer]:
        """Newest first."""
        found = await journey_desk.entries(
            campaign_id, state=standing, step=step, user_id=user_id, before=before, limit=limit
        )
        return [entry_answer(each) for each in found]

    @get(
        "/{campaign_id:int}/entries/{entry_id:int}",
        summary="One person's way, step by step",
        guards=[requires("campaigns:read")],
    )
    async def read_entry(
        self, campaign_id: Number, entry_id: _EntryNumber, journey_desk: NamedDependency[JourneyDesk]
    ) -> EntryDetailAnswer:
        """Where she stands, why she left, which steps she passed and what came of each."""
        return entry_detail_answer(await journey_desk.entry(campaign_id, entry_id))

    @post(
        "/{campaign_id:int}/entries/retry",
        summary="Have those put aside go on",
        guards=[requires("campaigns:send")],
        status_code=200,
    )
    async def retry(
        self,
        campaign_id: Number,
        request: Request[Any, Any, Any],
        journey_desk: NamedDependency[JourneyDesk],
        entry_id: _Entry = None,
    ) -> RetryAnswer:
        """People are put aside where a step always failed: mend its cause first."""
        return RetryAnswer(await journey_desk.retry(campaign_id, entry_id=entry_id, actor=actor_of(request)))
