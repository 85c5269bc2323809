"""Campaigns by the parts of their people, their calendar, and how often people are written to, for server programs."""

from datetime import date
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from backend.api.guards import requires
from backend.api.parameters import Number, SegmentFilter
from backend.services.campaign_desk.breakdowns import By, CampaignBreakdowns
from backend.services.campaign_desk.calendar import MOST_WEEKS, CampaignCalendar
from backend.services.campaign_desk.programme import ProgrammeReports
from campaigns.agenda import Agenda
from campaigns.fatigue import Fatigue
from campaigns.figures import CampaignBreakdown
from campaigns.programme import Programme

_READ = requires("campaigns:read")

FirstDay = Annotated[date, QueryParameter(name="from", description="The first business day.")]
LastDay = Annotated[date, QueryParameter(name="to", description="The last one, at most 99 days later.")]
Weeks = Annotated[
    int, QueryParameter(ge=1, le=MOST_WEEKS, description="Spans of seven days, the last of which ends today.")
]

Period = Annotated[
    str | None,
    QueryParameter(description="A month as 2026-10, or a quarter as 2026-Q3; without one, the last closed month."),
]


class CampaignFiguresController(Controller):
    """Figures of campaigns beside their reports."""

    path = "/campaigns"
    tags = ("campaigns",)

    @get("/{campaign_id:int}/breakdown", guards=[_READ], summary="Read a campaign's figures by a label of its people")
    async def break_down_campaign(
        self,
        campaign_id: Number,
        by: FromQuery[By],
        campaign_breakdowns: NamedDependency[CampaignBreakdowns],
        segment_id: SegmentFilter = None,
    ) -> CampaignBreakdown:
        """By store, language, platform, or inside and outside of a segment. Each part adds up; its intervals are adjusted."""
        return await campaign_breakdowns.report(campaign_id, by, segment_id=segment_id)

    @get("/calendar", guards=[_READ], summary="Read the calendar of campaigns")
    async def read_calendar(
        self, first: FirstDay, last: LastDay, campaign_calendar: NamedDependency[CampaignCalendar]
    ) -> Agenda:
        """What went out on which day, what is planned to, and which campaigns listen for events all the time."""
        return await campaign_calendar.agenda(first, last)

    @get("/fatigue", guards=[_READ], summary="Read how often people are written to")
    async def read_fatigue(self, campaign_calendar: NamedDependency[CampaignCalendar], weeks: Weeks = 8) -> Fatigue:
        """Pushes a person and week, and yeses taken back within seven days of a push, by week and by campaign."""
        return await campaign_calendar.fatigue(weeks=weeks)

    @get("/global-holdout", guards=[_READ], summary="Read what all campaigns do together")
    async def read_global_holdout(
        self, programme_reports: NamedDependency[ProgrammeReports], period: Period = None
    ) -> Programme:
        """Who is held out of all campaigns beside everyone else, over a closed month or quarter: one verdict, at its end."""
        return await programme_reports.report(period)
