"""配信: the list, the editor in four steps, the check before sending, the report after it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from admin_ui import campaign_form, campaign_views
from admin_ui.campaign_form import FIELDS, STEPS
from admin_ui.forms import Errors, Form
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from campaigns.campaign import State
from campaigns.effect import ASSUMED_RATE
from campaigns.experiment import smallest_effect, suggest_holdout
from campaigns.overview import CampaignDetail, CampaignSummary
from campaigns.states import BEFORE_LAUNCH
from segments.events import VOCABULARY

_MOVING = (State.SCHEDULED, State.SENDING)
_ALARMING_SHARE = 30.0

_ORDERS: Mapping[str, Callable[[CampaignSummary], Any]] = {
    "name": lambda each: each.name.casefold(),
    "targeted": lambda each: each.targeted or None,
    "accepted": lambda each: each.accepted if each.targeted else None,
    "control": lambda each: each.control if each.targeted else None,
    "when": lambda each: each.planned_at or each.scheduled_at or each.changed_at,
}


@get("/campaigns", opt={"allow": Allow.VIEWER})
async def list_campaigns(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """All campaigns, the last changed first."""
    campaigns = await services.campaign_desk.list()
    state, wanted = page.query("state"), page.query("q")
    order = read_order(page.query("sort"), _ORDERS, Order("when", descending=True))
    shown = ordered((each for each in campaigns if _fits(each, state, wanted)), order, _ORDERS)
    counts = {name: sum(each.state == name for each in campaigns) for name in campaign_views.STATES}
    return page.show(
        "campaigns/list.html",
        campaigns=shown,
        order=order,
        total=len(campaigns),
        counts=counts,
        state=state,
        wanted=wanted,
        states=campaign_views.STATES,
    )


@get("/campaigns/new", opt={"allow": Allow.MARKETER})
async def new_campaign(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """An empty editor, with the segment that was asked for."""
    return await _editor(page, services, {**FIELDS, "segment_id": page.query("segment")})


@post("/campaigns", opt={"allow": Allow.MARKETER})
async def create_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep a new draft and lead to its check."""
    return await _save(page, services, form, detail=None)


@post("/campaigns/phone", opt={"allow": Allow.MARKETER}, status_code=200)
async def preview_campaign(page: NamedDependency[Page], form: NamedDependency[Form]) -> Response[Any]:
    """The phone with the texts as they are being typed."""
    previews = campaign_form.previews(campaign_form.typed(form), page.say)
    return page.show("campaigns/_phone.html", previews=previews)


@post("/campaigns/audience", opt={"allow": Allow.MARKETER}, status_code=200)
async def size_audience(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """How many the chosen segment holds, and what the chosen holdout can show."""
    return page.show("campaigns/_audience.html", audience=await _audience(services, campaign_form.typed(form)))


@get("/campaigns/{campaign_id:int}", opt={"allow": Allow.VIEWER})
async def show_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The check of a campaign that is still to go, the report of one that went."""
    detail = await services.campaign_desk.get(campaign_id)
    return await _show(page, services, detail)


@get("/campaigns/{campaign_id:int}/figures", opt={"allow": Allow.VIEWER})
async def show_figures(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The figures alone, for a page that is being watched; a launch meanwhile reloads the page."""
    detail = await services.campaign_desk.get(campaign_id)
    answer = page.show("campaigns/_report.html", **await _figures(page, services, detail))
    if page.query("state") != detail.summary.state:
        answer.headers["HX-Refresh"] = "true"
    return answer


@get("/campaigns/{campaign_id:int}/edit", opt={"allow": Allow.MARKETER})
async def edit_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The editor with a draft."""
    detail = await services.campaign_desk.get(campaign_id)
    fields = campaign_form.from_draft(detail.draft, page.shop.zone)
    return await _editor(page, services, fields, detail=detail, step=page.query("step"))


@post("/campaigns/{campaign_id:int}", opt={"allow": Allow.MARKETER})
async def save_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """Keep a changed draft."""
    return await _save(page, services, form, detail=await services.campaign_desk.get(campaign_id))


@post("/campaigns/{campaign_id:int}/launch", opt={"allow": Allow.MARKETER})
async def launch_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """Send now, or at the time of the draft."""
    desk, revision, by = services.campaign_desk, form.whole("revision") or 0, page.administrator.email
    at = (await desk.get(campaign_id)).draft.scheduled_at
    if at is None or at <= page.now:
        await desk.send_now(campaign_id, revision=revision, by=by)
        return page.go(f"/campaigns/{campaign_id}", "sending")
    await desk.schedule(campaign_id, at=at, revision=revision, by=by)
    return page.go(f"/campaigns/{campaign_id}", "scheduled")


def _steering(verb: str, said: str) -> HTTPRouteHandler:
    """The button that does something to a campaign under way: ``verb`` is the desk's, ``said`` the page's word on it."""

    @post(f"/campaigns/{{campaign_id:int}}/{verb}", name=f"{verb}_campaign", opt={"allow": Allow.MARKETER})
    async def steer(
        page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
    ) -> Response[Any]:
        await getattr(services.campaign_desk, verb)(campaign_id, by=page.administrator.email)
        return page.go(f"/campaigns/{campaign_id}", said)

    return steer


@post("/campaigns/{campaign_id:int}/test", opt={"allow": Allow.MARKETER}, status_code=200)
async def test_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """Send it to one member's phone, past quiet hours and cap, and say so."""
    number, sent, error = form.text("member"), None, ""
    try:
        customer_id = await services.people.find(number)
        sent = await services.campaign_desk.test_send(campaign_id, customer_id=customer_id, by=page.administrator.email)
    except NotFound:
        error = page.say("Nobody has the member number “%(number)s”.", number=number)
    except Conflict as refused:
        no_phone = page.say("This member has no phone that can be reached. Open the app there once, then try again.")
        error = no_phone if refused.code == "no_live_device" else refused.message
    except BadInput as refused:
        error = page.say("This text cannot be used: %(reason)s.", reason=refused.message)
    if page.fragment:
        return page.show("campaigns/_test.html", sent=sent, error=error, status=422 if error else 200)
    detail = await services.campaign_desk.get(campaign_id)
    return await _show(page, services, detail, sent=sent, test_error=error)


async def _save(page: Page, services: PageServices, form: Form, *, detail: CampaignDetail | None) -> Response[Any]:
    draft, errors = campaign_form.to_draft(form, zone=page.shop.zone, now=page.now, say=page.say)
    if draft is not None:
        desk, by = services.campaign_desk, page.administrator.email
        try:
            if detail is None:
                kept = await desk.create(draft, by=by)
            else:
                revision = form.whole("revision") or 0
                kept = await desk.edit(detail.summary.campaign_id, draft, revision=revision, by=by)
            return page.go(f"/campaigns/{kept.summary.campaign_id}", "saved")
        except (BadInput, Conflict) as error:
            errors = {campaign_form.field_of(error.field or "form"): _refusal(page, error)}
    fields = campaign_form.typed(form)
    return await _editor(page, services, fields, detail=detail, errors=errors, step=form.text("step"), status=422)


def _refusal(page: Page, error: BadInput | Conflict) -> str:
    known = {
        "name_taken": page.say("There is already a campaign of this name."),
        "segment_not_found": page.say("Choose a segment."),
    }
    return known.get(error.code) or (
        page.say("Somebody else changed this campaign meanwhile. Reload it and look at the change.")
        if isinstance(error, Conflict) and error.field is None
        else error.message
    )


async def _editor(
    page: Page,
    services: PageServices,
    fields: Mapping[str, str],
    *,
    detail: CampaignDetail | None = None,
    errors: Errors | None = None,
    step: str = "",
    status: int = 200,
) -> Response[Any]:
    return page.show(
        "campaigns/form.html",
        status=status,
        fields=fields,
        errors=errors or {},
        step=campaign_form.first_step(errors or {}, step),
        steps=STEPS,
        detail=detail,
        segments=await services.segment_runs.list(),
        merge_fields=campaign_form.merge_buttons(),
        events=VOCABULARY,
        audience=await _audience(services, fields),
        previews=campaign_form.previews(fields, page.say),
        rules=(await services.shop.get()),
    )


async def _audience(services: PageServices, fields: Mapping[str, str]) -> dict[str, Any] | None:
    """Size of the chosen segment and what the holdout can show, at the assumed base rate."""
    form = Form(fields.items())
    number, holdout = form.whole("segment_id"), form.fraction("holdout_percent")
    if number is None:
        return None
    try:
        size = await services.segment_runs.count(number)
    except NotFound:
        return None
    share = min(max(holdout or 0.0, 0.0), 90.0) / 100
    control = round(size.reachable * share)
    suggestion = suggest_holdout(size.reachable, base_rate=ASSUMED_RATE)
    return {
        "count": size,
        "control": control,
        "treated": size.reachable - control,
        "effect": smallest_effect(ASSUMED_RATE, treated=size.reachable - control, control=control),
        "base_rate": ASSUMED_RATE,
        "suggestion": suggestion,
        "large": (holdout or 0.0) > _ALARMING_SHARE,
    }


async def _show(
    page: Page, services: PageServices, detail: CampaignDetail, *, sent: Any = None, test_error: str = ""
) -> Response[Any]:
    common = {"detail": detail, "states": campaign_views.STATES, "sent": sent, "error": test_error}
    if detail.summary.state in BEFORE_LAUNCH:
        run = await services.campaign_desk.dry_run(detail.summary.campaign_id)
        return page.show(
            "campaigns/check.html",
            **common,
            run=run,
            flow=campaign_views.plan_steps(run, page.say),
            late=_is_late(detail.draft.scheduled_at, page.now),
        )
    return page.show("campaigns/detail.html", **common, **await _figures(page, services, detail))


async def _figures(page: Page, services: PageServices, detail: CampaignDetail) -> dict[str, Any]:
    report = await services.campaign_desk.report(detail.summary.campaign_id)
    return {
        "campaign_id": detail.summary.campaign_id,
        "summary": detail.summary,
        "draft": detail.draft,
        "report": report,
        "flow": campaign_views.report_steps(report, page.say),
        "outcome": campaign_views.outcome(report.effect, page.say) if report.effect else None,
        "device_states": campaign_views.DEVICE_STATES,
        "pause_reasons": campaign_views.PAUSE_REASONS,
        "moving": detail.summary.state in _MOVING,
    }


def _is_late(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _fits(campaign: CampaignSummary, state: str, wanted: str) -> bool:
    text = f"{campaign.name} {campaign.segment_name}".casefold()
    return (not state or campaign.state == state) and wanted.casefold() in text


ROUTES = (
    list_campaigns,
    new_campaign,
    create_campaign,
    preview_campaign,
    size_audience,
    show_campaign,
    show_figures,
    edit_campaign,
    save_campaign,
    launch_campaign,
    _steering("pause", "paused"),
    _steering("resume", "resumed"),
    _steering("cancel", "cancelled"),
    test_campaign,
)
