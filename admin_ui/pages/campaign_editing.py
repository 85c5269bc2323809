"""配信の作成画面: the campaign editor in its three steps, and what follows it while one types."""

from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import (
    campaign_buttons,
    campaign_draft,
    campaign_editor,
    campaign_faults,
    campaign_form,
    campaign_places,
    campaign_timing,
)
from admin_ui.campaign_form import Editor
from admin_ui.forms import Errors, Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from campaigns.campaign import Action, Draft
from campaigns.overview import CampaignDetail


@get("/campaigns/new", opt={"allow": Allow.MARKETER})
async def new_campaign(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """An empty editor, with the segment that was asked for."""
    today = page.now.astimezone(ZoneInfo(page.shop.zone)).date()
    return await _show(page, services, campaign_form.new(segment_id=page.query("segment"), today=today))


@post("/campaigns", opt={"allow": Allow.MARKETER})
async def create_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new draft and lead to its check."""
    return await _save(page, services, form)


@post("/campaigns/compose", opt={"allow": Allow.MARKETER}, status_code=200)
async def compose_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """The editor after one of its buttons; nothing is stored."""
    editor = campaign_buttons.act(campaign_form.read(form), form.text("do"))
    return await _show(page, services, editor, form=form)


@post("/campaigns/phone", opt={"allow": Allow.MARKETER}, status_code=200)
async def preview_campaign(page: NamedDependency[Page], form: NamedDependency[Form]) -> Response[Any]:
    """The phone with the texts as they are being typed."""
    return page.show("campaigns/_phone.html", **campaign_editor.phone(campaign_form.read(form), page))


@post("/campaigns/field", opt={"allow": Allow.MARKETER}, status_code=200)
async def check_field(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """What is wrong with the field that was ``left``, and with those of which it was ``shown`` before."""
    editor, shop, number = campaign_form.read(form), page.shop, form.whole("campaign_id")
    detail = await services.campaign_desk.get(number) if number else None
    begun = detail.draft.scheduled_at if detail is not None and Action.PUBLISH in detail.actions else None
    errors = campaign_faults.faults(
        editor, zone=shop.zone, currency=shop.currency, now=page.now, say=page.say, begun=begun
    )
    name = editor.fields["name"]
    if name and "name" not in errors and await services.campaign_desk.is_named(name, besides=number):
        errors["name"] = page.say("There is already a campaign of this name.")
    asked = dict.fromkeys((form.text("left"), *form.text("shown").split()))
    return page.show("campaigns/_faults.html", asked=[each for each in asked if each], errors=errors)


@post("/campaigns/audience", opt={"allow": Allow.MARKETER}, status_code=200)
async def size_audience(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """How many the chosen segment holds, and what the chosen holdout can show."""
    audience = await campaign_editor.audience(services, campaign_form.read(form).fields)
    return page.show("campaigns/_audience.html", audience=audience)


@post("/campaigns/moments", opt={"allow": Allow.MARKETER}, status_code=200)
async def tell_moments(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """When it goes out, in words, as it is being chosen."""
    timing = await campaign_timing.timing(campaign_form.read(form), page, services)
    return page.show("campaigns/_moments.html", timing=timing)


@get("/campaigns/{campaign_id:int}/edit", opt={"allow": Allow.MARKETER})
async def edit_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The editor with a draft, or with what a running campaign says."""
    detail = await services.campaign_desk.get(campaign_id)
    shop = page.shop
    editor = campaign_draft.from_draft(detail.draft, zone=shop.zone, currency=shop.currency, now=page.now)
    return await _show(page, services, editor, detail=detail, step=page.query("step"))


@post("/campaigns/{campaign_id:int}", opt={"allow": Allow.MARKETER})
async def save_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """Keep a changed draft, or put a new version of a running campaign in force."""
    return await _save(page, services, form, detail=await services.campaign_desk.get(campaign_id))


async def _save(
    page: Page, services: PageServices, form: Form, *, detail: CampaignDetail | None = None
) -> Response[Any]:
    editor, shop = campaign_form.read(form), page.shop
    begun = detail.draft.scheduled_at if detail is not None and Action.PUBLISH in detail.actions else None
    draft, errors = campaign_draft.to_draft(
        editor, zone=shop.zone, currency=shop.currency, now=page.now, say=page.say, begun=begun
    )
    if draft is not None:
        try:
            kept = await _keep(page, services, form, draft, detail)
            waits = kept.review.proposal is not None
            return page.go(f"/campaigns/{kept.summary.campaign_id}", "waiting" if waits else "saved")
        except (BadInput, Conflict) as error:
            errors = {campaign_places.field_of(error.field or "form"): _refusal(page, error)}
    return await _show(page, services, editor, detail=detail, form=form, errors=errors, status=422)


async def _keep(
    page: Page, services: PageServices, form: Form, draft: Draft, detail: CampaignDetail | None
) -> CampaignDetail:
    desk, by, revision = services.campaign_desk, page.administrator.email, form.whole("revision") or 0
    if detail is None:
        return await desk.create(draft, by=by)
    number = detail.summary.campaign_id
    if Action.PUBLISH in detail.actions:
        return await desk.publish(number, draft, revision=revision, by=by)
    return await desk.edit(number, draft, revision=revision, by=by)


def _refusal(page: Page, error: BadInput | Conflict) -> str:
    known = {
        "name_taken": page.say("There is already a campaign of this name."),
        "segment_not_found": page.say("Choose a segment."),
        "wrong_state": page.say("In its present state this is not possible."),
    }
    if error.code in known:
        return known[error.code]
    if isinstance(error, Conflict) and error.field is None:
        return page.say("Somebody else changed this campaign meanwhile. Reload it and look at the change.")
    return campaign_places.refused(error.field or "", error.message, page.say, code=error.code)


async def _show(
    page: Page,
    services: PageServices,
    editor: Editor,
    *,
    detail: CampaignDetail | None = None,
    form: Form | None = None,
    errors: Errors | None = None,
    step: str = "",
    status: int = 200,
) -> Response[Any]:
    wrong, sent = errors or {}, form or Form()
    shared = await campaign_editor.context(page, services, campaign_places.opened(editor, wrong), wrong)
    if page.fragment:
        return page.show("campaigns/_editor.html", status=status, **shared)
    summary = detail.summary if detail else None
    return page.show(
        "campaigns/form.html",
        status=status,
        step=campaign_places.first_step(wrong, step or sent.text("step")),
        wrong_steps=campaign_places.wrong_steps(wrong),
        number=summary.campaign_id if summary else sent.whole("campaign_id"),
        revision=(sent.whole("revision") if sent.fields else None) or (summary.revision if summary else 0),
        publishes=detail is not None and Action.PUBLISH in detail.actions,
        **shared,
    )


ROUTES = (
    new_campaign,
    create_campaign,
    compose_campaign,
    preview_campaign,
    check_field,
    size_audience,
    tell_moments,
    edit_campaign,
    save_campaign,
)
