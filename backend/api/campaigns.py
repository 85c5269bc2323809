"""Campaigns for server programs: what the desk does, over HTTP. Answers are the values of `campaigns.overview`."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from backend.api.campaign_acts import Revision
from backend.api.guards import actor_of, requires
from backend.api.idempotency import APART
from backend.api.parameters import TEXT, Number
from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_desk.previews import CampaignPreviews
from backend.services.campaign_desk.trials import Trial
from backend.services.people import People
from campaigns.definition import Definition, definition_of
from campaigns.draft_preview import DraftPreview
from campaigns.dry_run import DryRun
from campaigns.figures import CampaignReport
from campaigns.overview import CampaignDetail, CampaignSummary, CampaignVersion, Progress, TestSend
from campaigns.states import State as CampaignState
from campaigns.trigger import Kind

Largest: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
Archived: TypeAlias = Annotated[bool, QueryParameter(description="Those that were taken off the list instead.")]
Tag: TypeAlias = Annotated[str | None, QueryParameter(max_length=30, description="Only campaigns with this tag.")]
Words: TypeAlias = Annotated[str, QueryParameter(max_length=100, description="In name, segment or tags.")]
InState: TypeAlias = Annotated[
    CampaignState | None, QueryParameter(name="state", description="Only campaigns in this state.")
]
OfKind: TypeAlias = Annotated[Kind | None, QueryParameter(description="Only campaigns that begin like this.")]
_READ = requires("campaigns:read")
_WRITE = requires("campaigns:write")
_SEND = requires("campaigns:send")


class ChangedCampaign(Definition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a campaign says from now on; ``revision`` is the one the change began with, to notice others' changes."""

    revision: Revision


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to launch; without ``at`` as soon as a worker is free. ``revision`` is the one that was looked at."""

    revision: Revision
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose devices get a test send, named by your own ``user_id`` or by ``customer_id``: all that are live, or those of ``device_ids``.

    ``variant`` names one of those compared, ``step`` the place of a journey's step that sends; without them the first is sent.
    """

    user_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    customer_id: Largest | None = None
    device_ids: Annotated[tuple[Largest, ...], msgspec.Meta(max_length=20)] = ()
    variant: Name | None = None
    step: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the copy is called; by default as the first, with a number behind it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=TEXT)] | None = None


class CampaignController(Controller):
    """Campaigns: drafts, dry runs, launches, and what came of them."""

    path = "/campaigns"
    tags = ("campaigns",)

    @get("/", summary="List campaigns", guards=[_READ])
    async def list_campaigns(
        self,
        *,
        campaign_desk: NamedDependency[CampaignDesk],
        q: Words = "",
        standing: InState = None,
        kind: OfKind = None,
        tag: Tag = None,
        archived: Archived = False,
    ) -> list[CampaignSummary]:
        """Campaigns, the last changed first: those on the list, or those that were archived."""
        found = await campaign_desk.list(archived=archived, words=q, state=standing or "", kind=kind or "", tag=tag)
        return list(found)

    @post("/", summary="Create a draft", guards=[_WRITE])
    async def create_campaign(
        self,
        request: Request[None, None, State],
        data: JSONBody[Definition],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """Keep a new draft; nothing is sent."""
        return await campaign_desk.create(data.draft(), by=actor_of(request))

    @post("/preview", status_code=200, summary="Look at a draft without keeping it", guards=[_READ])
    async def preview_campaign(
        self, data: JSONBody[Definition], campaign_previews: NamedDependency[CampaignPreviews]
    ) -> DraftPreview:
        """Takes what creates a campaign: the next five launches, and how many the segment holds and can be reached. Nothing is stored."""
        return await campaign_previews.preview(data.draft())

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
        """Replace the draft; a campaign that is scheduled or waits for approval becomes a draft again."""
        return await campaign_desk.edit(campaign_id, data.draft(), revision=data.revision, by=actor_of(request))

    @get("/{campaign_id:int}/definition", summary="Read a campaign as it is written", guards=[_READ])
    async def define_campaign(self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]) -> Definition:
        """The same JSON that creates and changes campaigns."""
        return definition_of((await campaign_desk.get(campaign_id)).draft)

    @get("/{campaign_id:int}/versions", summary="List published versions", guards=[_READ])
    async def list_versions(
        self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> list[CampaignVersion]:
        """The first one first. Whoever entered one is sent what it says."""
        return list(await campaign_desk.versions(campaign_id))

    @post("/{campaign_id:int}/versions", status_code=200, summary="Change a running campaign", guards=[_SEND])
    async def publish_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[ChangedCampaign],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """Put a new version in force, for whom it begins from now on; above the shop's audience size it waits for approval."""
        return await campaign_desk.publish(campaign_id, data.draft(), revision=data.revision, by=actor_of(request))

    @post("/{campaign_id:int}/copy", summary="Copy a campaign", guards=[_WRITE])
    async def copy_campaign(
        self,
        request: Request[None, None, State],
        campaign_id: Number,
        data: JSONBody[Copied],
        campaign_desk: NamedDependency[CampaignDesk],
    ) -> CampaignDetail:
        """A new draft that says the same, not scheduled, drawn anew."""
        return await campaign_desk.copy(campaign_id, name=data.name, by=actor_of(request))

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
        """Schedule it, or above the shop's audience size have it wait for a second person. Gates are asked at launch, and again for each message."""
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
        people: NamedDependency[People],
    ) -> TestSend:
        """Now, past quiet hours and cap, counted nowhere."""
        chosen = Trial(device_ids=data.device_ids, variant=data.variant, step=data.step)
        who = await people.named(user_id=data.user_id, customer_id=data.customer_id)
        return await campaign_desk.test_send(campaign_id, customer_id=who, chosen=chosen, by=actor_of(request))

    @get("/{campaign_id:int}/progress", summary="Read how far one that repeats has come", guards=[_READ])
    async def read_progress(self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]) -> Progress:
        """How often it was launched, for how many people today, and the last launches."""
        return await campaign_desk.progress(campaign_id)

    @get("/{campaign_id:int}/report", summary="Read a campaign's figures", guards=[_READ])
    async def report_campaign(
        self, campaign_id: Number, campaign_desk: NamedDependency[CampaignDesk]
    ) -> CampaignReport:
        """People who add up, devices, opens, and the effect: until its window ends with an always-valid interval."""
        return await campaign_desk.report(campaign_id)
