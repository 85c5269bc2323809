"""One campaign's page: the check of one that is still to go, the figures of one that went or goes on."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response

from admin_ui import (
    campaign_changes,
    campaign_draft,
    campaign_editor,
    campaign_views,
    rehearsal_views,
    report_views,
    trial_form,
    trigger_form,
    winner_form,
    winner_views,
)
from admin_ui.campaign_form import Editor
from admin_ui.campaign_timing import timing
from admin_ui.i18n import mark
from admin_ui.journey_drawing import Drawing, drawing
from admin_ui.page import Page
from admin_ui.services import PageServices
from campaigns.campaign import FAILURES, Draft, Kind, State
from campaigns.journey_words import describe
from campaigns.overview import CampaignDetail, CampaignVersion
from campaigns.states import BEFORE_LAUNCH

_MOVING = (State.SCHEDULED, State.SENDING)
ENTRIES = 20
"""People under way who are listed."""
ENTRY_STATES = {"waiting": mark("Under way"), "left": mark("Ended"), "aside": mark("Put aside")}
REASONS = {
    "finished": mark("came to the end"),
    "goal": mark("did what was hoped for"),
    "too_long": mark("was led round too often"),
}
"""Why somebody left a journey; an exit's own reason is said as it is written."""
_DIGITS = 4


async def show(
    page: Page,
    services: PageServices,
    detail: CampaignDetail,
    *,
    trial: trial_form.TrialForm | None = None,
    review_error: str = "",
    comment: str = "",
    launch_said: int | None = None,
) -> Response[Any]:
    """The page of a campaign, with what was just said to one of its forms."""
    common = {
        "detail": detail,
        "states": campaign_views.STATES,
        "kinds": trigger_form.CALLED,
        "winners": winner_form,
        "trial": trial or trial_form.blank(detail.draft, page.say),
        "outcomes": trial_form.OUTCOMES,
        "review_error": review_error,
        "comment": comment,
        "launch_said": launch_said,
        "timing": await timing(_editor(page, detail.draft), page, services),
        "proposed": _proposed(page, detail),
    }
    if detail.summary.state in BEFORE_LAUNCH:
        return await _check(page, services, detail, common)
    failure = FAILURES.get(detail.summary.failed_reason or "")
    return page.show(
        "campaigns/detail.html",
        status=_status(common),
        **common,
        **await figures(page, services, detail),
        **await _under_way(page, services, detail),
        versions=_versions(page, await services.campaign_desk.versions(detail.summary.campaign_id)),
        failure=page.say.pick(dict(zip(("ja", "en"), failure, strict=True))) if failure else "",
    )


async def figures(page: Page, services: PageServices, detail: CampaignDetail) -> dict[str, Any]:
    """What changes while one looks at a campaign that is on its way."""
    report = await services.campaign_desk.report(detail.summary.campaign_id)
    return {
        "campaign_id": detail.summary.campaign_id,
        "summary": detail.summary,
        "draft": detail.draft,
        "report": report,
        "flow": campaign_views.report_steps(report, page.say),
        "outcome": campaign_views.outcome(report.effect, page.say) if report.effect else None,
        "arms": report_views.arms(report.results, page.shop.currency, page.say) if report.results else (),
        "money": report_views.money(report.results, page.shop.currency, page.say) if report.results else (),
        "goal": report_views.goal(report.goal, page.say),
        "winner": winner_views.told(report.test, page.say) if report.test else None,
        "ways": report_views.BREAKDOWNS,
        "device_states": campaign_views.DEVICE_STATES,
        "pause_reasons": campaign_views.PAUSE_REASONS,
        "moving": detail.summary.state in _MOVING,
    }


async def _check(page: Page, services: PageServices, detail: CampaignDetail, common: dict[str, Any]) -> Response[Any]:
    number, at = detail.summary.campaign_id, detail.draft.scheduled_at
    run = await services.campaign_desk.dry_run(number)
    called = await services.people.called(campaign_views.whom_named(run))
    return page.show(
        "campaigns/check.html",
        status=_status(common),
        **common,
        campaign_id=number,
        summary=detail.summary,
        draft=detail.draft,
        run=run,
        flow=campaign_views.plan_steps(run, page.say, called),
        called=called,
        rehearsal=rehearsal_views.rehearsed(run.rehearsal, page.say) if run.rehearsal else None,
        parting=rehearsal_views.parting(run.fork, detail.draft.steps, page.say) if run.fork else None,
        shown=_shown(page, detail.draft),
        rules=await services.shop.get(),
        asks=await services.campaign_desk.too_many(number) is not None,
        late=at is not None and at <= page.now,
        picture=await _picture(page, services, detail),
        entries_at="",
    )


def _status(common: dict[str, Any]) -> int:
    return 422 if common["review_error"] or common["trial"].errors else 200


async def _under_way(page: Page, services: PageServices, detail: CampaignDetail) -> dict[str, Any]:
    """How far a campaign has come that goes on: its launches, or the people under way and the journey's picture."""
    draft, number = detail.draft, detail.summary.campaign_id
    if not draft.runs_on:
        return {"picture": None, "overview": None, "progress": None, "entries": ()}
    person_by_person = bool(draft.steps) or draft.trigger.kind in (Kind.EVENT, Kind.SEGMENT)
    progress = None if person_by_person else await services.campaign_desk.progress(number)
    if not person_by_person:
        return {"picture": None, "overview": None, "progress": progress, "entries": ()}
    state, step = page.query("entries"), page.query("step")
    state, step = state if state in ENTRY_STATES else "", step if step.isdecimal() and len(step) < _DIGITS else ""
    overview = await services.journey_desk.overview(number)
    entries = await services.journey_desk.entries(
        number,
        state=state or None,
        step=int(step) if step else None,
        before=page.number("before", 0) or None,
        limit=ENTRIES + 1,
    )
    return {
        "progress": None,
        "overview": overview,
        "aside": sum(each.aside for each in overview.counts.values()),
        "picture": await _picture(page, services, detail),
        "entries": entries[:ENTRIES],
        "entries_before": entries[ENTRIES - 1].entry_id if len(entries) > ENTRIES else None,
        "listed_at": lambda **asked: urlencode({name: value for name, value in asked.items() if value != ""}),
        "entry_states": ENTRY_STATES,
        "entry_state": state,
        "entry_step": step,
        "told_steps": describe(overview.steps, await services.journey_desk.words(page.say.language)),
        "reasons": REASONS,
    }


async def _picture(page: Page, services: PageServices, detail: CampaignDetail) -> Drawing | None:
    if not detail.draft.steps:
        return None
    return drawing(await services.journey_desk.picture(detail.summary.campaign_id, language=page.say.language))


def _editor(page: Page, draft: Draft) -> Editor:
    return campaign_draft.from_draft(draft, zone=page.shop.zone, currency=page.shop.currency, now=page.now)


def _shown(page: Page, draft: Draft) -> list[campaign_editor.Preview]:
    """Everything it can say in the reader's language, with sample values."""
    return [campaign_editor.told(content, page.say) for _, content in draft.contents()]


def _proposed(page: Page, detail: CampaignDetail) -> list[campaign_changes.Change]:
    proposal = detail.review.proposal
    return campaign_changes.changes(detail.draft, proposal, page.say) if proposal is not None else []


def _versions(page: Page, versions: tuple[CampaignVersion, ...]) -> list[dict[str, Any]]:
    """Every version with what it says otherwise than the one before, the newest first."""
    before = [None, *(each.draft for each in versions)]
    return [
        {
            "version": each.version,
            "created_at": each.created_at,
            "created_by": each.created_by,
            "differences": campaign_changes.changes(old, each.draft, page.say) if old else [],
        }
        for each, old in reversed(list(zip(versions, before, strict=False)))
    ]
