"""配信の数字: a campaign by the parts of its people, the calendar, how often people are written to, and what all of it does."""

from datetime import date
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import campaign_views, programme_views, report_views, trigger_form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.services.campaign_desk.breakdowns import BREAKDOWNS, By

_WEEKS = (4, 8, 12, 26)


@get("/campaigns/{campaign_id:int}/breakdown", opt={"allow": Allow.VIEWER})
async def break_down(
    page: NamedDependency[Page], services: NamedDependency[PageServices], campaign_id: FromPath[int]
) -> Response[Any]:
    """A campaign's figures by store, language, phone, or inside and outside of a segment."""
    by: By = next((each for each in BREAKDOWNS if each == page.query("by")), "store")
    segments = await services.segment_runs.stored()
    names = {int(each.segment.id): each.segment.name for each in segments}
    segment_id = page.number("segment", 0, least=0) if by == "segment" else None
    told = None
    if by != "segment" or segment_id in names:
        told = await services.campaign_breakdowns.report(campaign_id, by, segment_id=segment_id or None)
    detail = await services.campaign_desk.get(campaign_id)
    known = await services.segment_values.of_property("store") if by == "store" else ()
    stores = {each.value: page.say.pick(each) for each in known}
    return page.show(
        "campaigns/_breakdown.html" if page.fragment else "campaigns/breakdown.html",
        campaign_id=campaign_id,
        summary=detail.summary,
        draft=detail.draft,
        by=by,
        ways=report_views.BREAKDOWNS,
        segments=names,
        segment_id=segment_id,
        told=told,
        parts=report_views.parts(told, page.shop.currency, page.say, stores=stores) if told else (),
        device_states=campaign_views.DEVICE_STATES,
    )


@get("/campaigns/calendar", opt={"allow": Allow.VIEWER})
async def show_calendar(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """A month: what went out on which day, and what is planned to."""
    calendar = (await services.shop.get()).calendar
    today = calendar.business_day(page.now)
    month = _month(page.query("month")) or today.replace(day=1)
    first, last = report_views.month_span(month, week_starts=calendar.week_starts)
    agenda = await services.campaign_calendar.agenda(first, last)
    return page.show(
        "campaigns/calendar.html",
        agenda=agenda,
        month=month,
        before=report_views.month_before(month),
        after=report_views.next_month(month),
        weeks=report_views.weeks(agenda, month=month, today=today),
        marks=report_views.MARKS,
        kinds=trigger_form.CALLED,
        states=campaign_views.STATES,
    )


@get("/campaigns/fatigue", opt={"allow": Allow.VIEWER})
async def show_fatigue(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """How many pushes people get in a week, and who had enough."""
    weeks = page.number("weeks", 8)
    seen = await services.campaign_calendar.fatigue(weeks=weeks if weeks in _WEEKS else 8)
    return page.show(
        "campaigns/fatigue.html",
        seen=seen,
        lines=report_views.frequency(seen),
        campaigns=report_views.opt_outs(seen.campaigns, page.say),
        weeks=len(seen.weeks),
        spans=_WEEKS,
    )


@get("/campaigns/programme", opt={"allow": Allow.VIEWER})
async def show_programme(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """What all campaigns do together, by who is held out of all of them."""
    today = (await services.shop.get()).calendar.business_day(page.now)
    known = programme_views.periods(today, page.say)
    asked = page.query("period")
    chosen = asked if asked in {each.key for each in known} else None
    told = await services.programme_reports.report(chosen)
    return page.show(
        "campaigns/programme.html",
        told=told,
        lines=programme_views.lines(told, page.shop.currency, page.say),
        verdict=programme_views.verdict(told, page.say),
        periods=known,
        chosen=chosen or f"{told.last:%Y-%m}",
    )


def _month(text: str) -> date | None:
    """The first day of a month written like 2026-11; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == len("2026-11") else None
    except ValueError:
        return None


ROUTES = (break_down, show_calendar, show_fatigue, show_programme)
