"""What a person decides about campaigns that stand already, for server programs: approvals, pauses, ends, the archive."""

from typing import Annotated, TypeAlias

import msgspec
from litestar import Controller, Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from backend.api.guards import actor_of, requires
from backend.api.parameters import TEXT, Number
from backend.services.campaign_desk.desk import CampaignDesk
from campaigns.overview import CampaignDetail

Comment: TypeAlias = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]
Why: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=TEXT)]
Occurrence: TypeAlias = Annotated[int, PathParameter(ge=1, le=2**63 - 1, description="The number of the launch.")]
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_WRITE = requires("campaigns:write")
_SEND = requires("campaigns:send")


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second person's yes. ``revision`` is the one that was looked at; without it, what stands there is approved."""

    comment: Comment = ""
    revision: Revision | None = None


class LaunchApproval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second person's yes to one launch."""

    comment: Comment = ""


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A no, with why."""

    comment: Why


class CampaignActsController(Controller):
    """Decisions about campaigns that stand already."""

    path = "/campaigns"
    tags = ("campaigns",)

    @post("/{campaign_id:int}/approve", status_code=200, summary="Approve a campaign", guards=[_SEND])
    async def approve_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[Approval],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """One that waits is scheduled, a new version that waits is put in force. Not with the key that wrote or submitted it."""
        return await campaign_desk.approve(
            campaign_id, comment=data.comment, revision=data.revision, by=actor_of(request)
        )

    @post("/{campaign_id:int}/reject", status_code=200, summary="Reject a campaign", guards=[_SEND])
    async def reject_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[Rejection],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """One that waits becomes a draft again; a new version that waits is dropped."""
        return await campaign_desk.reject(campaign_id, comment=data.comment, by=actor_of(request))

    @post(
        "/{campaign_id:int}/launches/{occurrence:int}/approve",
        status_code=200,
        summary="Approve a launch that waits",
        guards=[_SEND],
    )
    async def approve_launch(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        occurrence: Occurrence,
        data: JSONBody[LaunchApproval],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """One of ``waiting``: it goes out within seconds, to the people of then. Not with the key that wrote or submitted the campaign."""
        return await campaign_desk.approve_launch(campaign_id, occurrence, comment=data.comment, by=actor_of(request))

    @post(
        "/{campaign_id:int}/launches/{occurrence:int}/reject",
        status_code=200,
        summary="Pass over a launch that waits",
        guards=[_SEND],
    )
    async def reject_launch(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        occurrence: Occurrence,
        data: JSONBody[Rejection],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """One of ``waiting``: it is passed over, the others go on."""
        return await campaign_desk.reject_launch(campaign_id, occurrence, comment=data.comment, by=actor_of(request))

    @post("/{campaign_id:int}/archive", status_code=200, summary="Take a campaign off the list", guards=[_WRITE])
    async def archive_campaign(
        self, request: Request[None, None, State], campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignDetail:
        """A draft, or one that has ended; its figures stay."""
        return await campaign_desk.archive(campaign_id, by=actor_of(request))

    @post("/{campaign_id:int}/restore", status_code=200, summary="Put a campaign on the list again", guards=[_WRITE])
    async def restore_campaign(
        self, request: Request[None, None, State], campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignDetail:
        """The way back from the archive."""
        return await campaign_desk.restore(campaign_id, by=actor_of(request))

    @post("/{campaign_id:int}/pause", status_code=200, summary="Stop sending for now", guards=[_WRITE])
    async def pause_campaign(
        self, request: Request[None, None, State], campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignDetail:
        """What is on its way stays on its way."""
        return await campaign_desk.pause(campaign_id, by=actor_of(request))

    @post("/{campaign_id:int}/resume", status_code=200, summary="Go on sending", guards=[_SEND])
    async def resume_campaign(
        self, request: Request[None, None, State], campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignDetail:
        """A paused campaign goes on with whoever is left."""
        return await campaign_desk.resume(campaign_id, by=actor_of(request))

    @post("/{campaign_id:int}/cancel", status_code=200, summary="Stop for good", guards=[_WRITE])
    async def cancel_campaign(
        self, request: Request[None, None, State], campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignDetail:
        """Who has not been sent it never will be."""
        return await campaign_desk.cancel(campaign_id, by=actor_of(request))
