"""配信: the list, the check before sending, the report after it, and what can be done on the way."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from admin_ui import campaign_sheet, campaign_views, trigger_form
from admin_ui.forms import Form
from admin_ui.i18n import mark
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict, NotFound
from campaigns.campaign import State
from campaigns.overview import CampaignSummary

_REVIEWS = {
    "comment_missing": mark("Say why, so that it can be mended."),
    "comment_too_long": mark("At most 1,000 characters."),
    "launch_not_waiting": mark("This launch does not wait any more."),
    "second_person_needed": mark("Somebody other than who wrote it has to look at it."),
}

_ORDERS: Mapping[str, Callable[[CampaignSummary], Any]] = {
    "name": lambda each: each.name.casefold(),
    "targeted": lambda each: each.targeted or None,
    "accepted": lambda each: each.accepted if each.targeted else None,
    "control": lambda each: each.control if each.targeted else None,
    "when": lambda each: each.planned_at or each.scheduled_at or each.changed_at,
}


@get("/campaigns", opt={"allow": Allow.VIEWER})
async def list_campaigns(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """All campaigns, the last changed first; search, state, kind, tag and archive stand in the address."""
    asked = {name: page.query(name) for name in ("q", "state", "kind", "tag", "archived")}
    campaigns = await services.campaign_desk.list(archived=asked["archived"] == "1")
    order = read_order(page.query("sort"), _ORDERS, Order("when", descending=True))
    return page.show(
        "campaigns/list.html",
        campaigns=ordered((each for each in campaigns if _fits(each, asked)), order, _ORDERS),
        order=order,
        total=len(campaigns),
        counts={name: sum(each.state == name for each in campaigns) for name in campaign_views.STATES},
        state=asked["state"],
        wanted=asked["q"],
        kind=asked["kind"],
        tag=asked["tag"],
        tags=sorted({tag for each in campaigns for tag in each.tags}),
        archived=asked["archived"] == "1",
        address=lambda changed: urlencode({name: value for name, value in {**asked, **changed}.items() if value}),
        states=campaign_views.STATES,
        kinds=trigger_form.CALLED,
        icons=trigger_form.ICONS,
    )


@get("/campaigns/{campaign_id:int}", opt={"allow": Allow.VIEWER})
async def show_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The check of a campaign that is still to go, the report of one that went."""
    detail = await services.campaign_desk.get(campaign_id)
    return await campaign_sheet.show(page, services, detail)


@get("/campaigns/{campaign_id:int}/figures", opt={"allow": Allow.VIEWER})
async def show_figures(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """The figures alone, for a page that is being watched; a launch meanwhile reloads the page."""
    detail = await services.campaign_desk.get(campaign_id)
    answer = page.show("campaigns/_report.html", **await campaign_sheet.figures(page, services, detail))
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
    now = at is None or at <= page.now
    kept = await desk.schedule(campaign_id, at=page.now if at is None or now else at, revision=revision, by=by)
    if kept.summary.state is State.AWAITING_APPROVAL:
        return page.go(f"/campaigns/{campaign_id}", "waiting")
    return page.go(f"/campaigns/{campaign_id}", "sending" if now else "scheduled")


def _steering(verb: str, said: str) -> HTTPRouteHandler:
    """The button that does something to a campaign under way: ``verb`` is the desk's, ``said`` the page's word on it."""

    @post(f"/campaigns/{{campaign_id:int}}/{verb}", name=f"{verb}_campaign", opt={"allow": Allow.MARKETER})
    async def steer(
        page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
    ) -> Response[Any]:
        await getattr(services.campaign_desk, verb)(campaign_id, by=page.administrator.email)
        return page.go(f"/campaigns/{campaign_id}", said)

    return steer


@post("/campaigns/{campaign_id:int}/entries/retry", opt={"allow": Allow.MARKETER})
async def retry_entries(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """Have those go on who were put aside because a step always failed."""
    await services.journey_desk.retry(campaign_id, actor=page.administrator.email)
    return page.go(f"/campaigns/{campaign_id}", "retried")


@post("/campaigns/{campaign_id:int}/copy", opt={"allow": Allow.MARKETER})
async def copy_campaign(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """A new draft that says the same, in the editor."""
    copied = await services.campaign_desk.copy(campaign_id, by=page.administrator.email)
    return page.go(f"/campaigns/{copied.summary.campaign_id}/edit", "copied")


@post("/campaigns/{campaign_id:int}/approve", opt={"allow": Allow.MARKETER})
async def approve_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """A second person's yes."""
    return await _review(page, services, form, campaign_id, yes=True)


@post("/campaigns/{campaign_id:int}/reject", opt={"allow": Allow.MARKETER})
async def reject_campaign(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
) -> Response[Any]:
    """A no, with why."""
    return await _review(page, services, form, campaign_id, yes=False)


async def _review(page: Page, services: PageServices, form: Form, campaign_id: int, *, yes: bool) -> Response[Any]:
    desk, by, comment = services.campaign_desk, page.administrator.email, form.text("comment")
    try:
        if yes:
            await desk.approve(campaign_id, by=by, comment=comment, revision=form.whole("revision"))
        else:
            await desk.reject(campaign_id, by=by, comment=comment)
    except (BadInput, Conflict) as refused:
        said = _REVIEWS.get(refused.code)
        if said is None:
            raise
        detail = await desk.get(campaign_id)
        return await campaign_sheet.show(page, services, detail, review_error=page.say(said), comment=comment)
    return page.go(f"/campaigns/{campaign_id}", "approved" if yes else "sent_back")


@post("/campaigns/{campaign_id:int}/launches/{occurrence:int}/{word:str}", opt={"allow": Allow.MARKETER})
async def review_launch(
    *,
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    campaign_id: FromPath[int],
    occurrence: FromPath[int],
    word: FromPath[str],
) -> Response[Any]:
    """A second person's ``approve`` or ``reject`` to one launch of a campaign that repeats."""
    desk, by, comment = services.campaign_desk, page.administrator.email, form.text("comment")
    if word not in ("approve", "reject"):
        raise NotFound("There is no such page.")
    try:
        if word == "approve":
            await desk.approve_launch(campaign_id, occurrence, by=by, comment=comment)
        else:
            await desk.reject_launch(campaign_id, occurrence, by=by, comment=comment)
    except (BadInput, Conflict) as refused:
        said = _REVIEWS.get(refused.code)
        if said is None:
            raise
        detail, why = await desk.get(campaign_id), page.say(said)
        return await campaign_sheet.show(
            page, services, detail, review_error=why, comment=comment, launch_said=occurrence
        )
    return page.go(f"/campaigns/{campaign_id}", "approved" if word == "approve" else "passed_over")


def _fits(campaign: CampaignSummary, asked: Mapping[str, str]) -> bool:
    return campaign.fits(words=asked["q"], state=asked["state"], kind=asked["kind"], tag=asked["tag"])


ROUTES = (
    list_campaigns,
    show_campaign,
    show_figures,
    launch_campaign,
    _steering("pause", "paused"),
    _steering("resume", "resumed"),
    _steering("cancel", "cancelled"),
    _steering("archive", "archived"),
    _steering("restore", "restored"),
    retry_entries,
    copy_campaign,
    approve_campaign,
    reject_campaign,
    review_launch,
)
