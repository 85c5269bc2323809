"""Campaigns for server programs: what the desk does, over HTTP. Answers are the values of `campaigns.overview`."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.api.guards import actor_of, requires
from backend.api.idempotency import APART
from backend.api.parameters import Number, Text
from backend.services.campaign_desk.desk import CampaignDesk
from campaigns.campaign import Content, Draft, Policy
from campaigns.overview import CampaignDetail, CampaignReport, CampaignSummary, DryRun, TestSend

LONGEST_EXPIRY_HOURS = 28 * 24

SegmentNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_READ = requires("campaigns:read")
_WRITE = requires("campaigns:write")
_SEND = requires("campaigns:send")


class CampaignBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign says, to whom, and how its effect is measured.

    ``holdout_percent`` of the people who pass the gates are kept without the push, for comparison.
    """

    name: Text
    segment_id: SegmentNumber
    content: Content
    holdout_percent: Annotated[float, msgspec.Meta(ge=0, le=90)] = 5.0
    policy: Policy = Policy.ONCE
    conversion_event: Text = "Order Completed"
    conversion_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7
    expires_after_hours: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_EXPIRY_HOURS)] = 24.0

    def draft(self) -> Draft:
        """As the desk takes it."""
        return Draft(
            name=self.name,
            segment_id=self.segment_id,
            content=self.content,
            holdout_percent=self.holdout_percent,
            policy=self.policy,
            conversion_event=self.conversion_event,
            conversion_days=self.conversion_days,
            expires_after=timedelta(hours=self.expires_after_hours),
        )


class ChangedCampaign(CampaignBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A draft from now on; ``revision`` is the one the change began with, to notice others' changes."""

    revision: Revision


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to launch; without ``at`` as soon as a worker is free. ``revision`` is the one that was looked at."""

    revision: Revision
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose devices get a test send."""

    customer_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class CampaignController(Controller):
    """Campaigns: drafts, dry runs, launches, and what came of them."""

    path = "/campaigns"
    tags = ("campaigns",)

    @get("/", summary="List campaigns", guards=[_READ])
    async def list_campaigns(self, campaign_desk: NamedDependency[CampaignDesk]) -> list[CampaignSummary]:
        """All campaigns, the last changed first."""
        return list(await campaign_desk.list())

    @post("/", summary="Create a draft", guards=[_WRITE])
    async def create_campaign(
        self,
        request: Request[None, None, State],
        data: JSONBody[CampaignBody],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """Keep a new draft; nothing is sent."""
        return await campaign_desk.create(data.draft(), by=actor_of(request))

    @get("/{campaign_id:int}", summary="Read a campaign", guards=[_READ])
    async def get_campaign(self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]) -> CampaignDetail:
        """Its draft, its state, and what can be done with it now."""
        return await campaign_desk.get(campaign_id)

    @put("/{campaign_id:int}", summary="Change a draft", guards=[_WRITE])
    async def edit_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[ChangedCampaign],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """Replace the draft; a scheduled campaign becomes a draft again."""
        return await campaign_desk.edit(campaign_id, data.draft(), revision=data.revision, by=actor_of(request))

    @get("/{campaign_id:int}/dry-run", summary="Say what a launch now would do", guards=[_READ])
    async def dry_run_campaign(self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]) -> DryRun:
        """How many the segment holds, how many each gate removes and why, control, treated, samples."""
        return await campaign_desk.dry_run(campaign_id)

    @post("/{campaign_id:int}/send", status_code=200, summary="Launch, now or later", guards=[_SEND])
    async def send_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[Moment],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """Schedule it; the gates are asked at launch, and again for each message."""
        if data.at is None:
            return await campaign_desk.send_now(campaign_id, revision=data.revision, by=actor_of(request))
        return await campaign_desk.schedule(campaign_id, at=data.at, revision=data.revision, by=actor_of(request))

    @post(
        "/{campaign_id:int}/test-send",
        status_code=200,
        summary="Send it to one customer's devices",
        guards=[_SEND],
        opt={APART: True},
    )
    async def test_send_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[Receiver],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> TestSend:
        """Now, past quiet hours and cap, counted nowhere."""
        return await campaign_desk.test_send(campaign_id, customer_id=data.customer_id, by=actor_of(request))

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

    @get("/{campaign_id:int}/report", summary="Read a campaign's figures", guards=[_READ])
    async def report_campaign(
        self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignReport:
        """People who add up, devices, opens, and the effect: until its window ends with an always-valid interval."""
        return await campaign_desk.report(campaign_id)
