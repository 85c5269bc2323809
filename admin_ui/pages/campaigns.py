"""配信: the list, the check before sending, the report after it, and what can be done on the way."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from admin_ui import campaign_views
from admin_ui.forms import Form
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from campaigns.campaign import State
from campaigns.overview import CampaignDetail, CampaignSummary
from campaigns.states import BEFORE_LAUNCH

_MOVING = (State.SCHEDULED, State.SENDING)

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
    show_campaign,
    show_figures,
    launch_campaign,
    _steering("pause", "paused"),
    _steering("resume", "resumed"),
    _steering("cancel", "cancelled"),
    test_campaign,
)
