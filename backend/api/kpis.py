"""KPIs for server programs: the catalogue, one figure with all that stands beside it, and its line day by day."""

from datetime import date, datetime
from typing import Annotated, Any, TypeAlias

from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter

from backend.api.guards import requires
from backend.api.parameters import SegmentFilter
from backend.errors import BadInput, NotFound
from backend.services.insights import Insights
from backend.services.snapshots import Snapshots
from segments.breakdown import BREAKDOWNS
from segments.metrics.answer import KpiAnswer, MetricAnswer, kpi_answer, metric_answer
from segments.metrics.catalog import CATALOG
from segments.metrics.result import AsOfRule
from segments.nearest import hint
from segments.periods import NAMED
from segments.snapshots import TrendAnswer, trend_answer
from segments.windows import Window

_READ = requires("kpis:read")

ASKED = frozenset({"from", "to", "window", "segment_id", "members", "by", "compare", "as_of", "known_at", "since"})
"""Parameters of the routes themselves; every other one is an option of the KPI."""

_FIRST, _LAST = date(1990, 1, 1), date(2199, 12, 31)

Slug: TypeAlias = Annotated[str, PathParameter(description="The KPI's name.", schema_extra={"enum": [*CATALOG]})]
Day: TypeAlias = date | None
Members: TypeAlias = Annotated[
    AsOfRule,
    QueryParameter(
        description="When membership, and an attribute's value, is looked at: cohort (when it mattered) or today."
    ),
]


class KpiController(Controller):
    """Figures by the catalogue's definitions."""

    path = "/kpis"
    tags = ("kpis",)

    @get("/", summary="List the KPIs", guards=[_READ])
    async def list_kpis(self) -> list[MetricAnswer]:
        """Every KPI with its definition and its options."""
        return [metric_answer(metric) for metric in CATALOG.values()]

    @get("/{slug:str}", summary="Ask for a figure", guards=[_READ])
    async def get_kpi(
        self,
        *,
        request: Request[None, None, State],
        insights: NamedDependency[Insights],
        slug: FromPath[Slug],
        segment_id: SegmentFilter = None,
        members: Members = "cohort",
        first: Annotated[Day, QueryParameter(name="from", description="First business day, included.")] = None,
        last: Annotated[Day, QueryParameter(name="to", description="Last business day, included.")] = None,
        window: Annotated[
            str | None,
            QueryParameter(description="A window by name, instead of from and to.", schema_extra={"enum": [*NAMED]}),
        ] = None,
        by: Annotated[
            str | None,
            QueryParameter(description="Break down by this attribute.", schema_extra={"enum": [*BREAKDOWNS]}),
        ] = None,
        compare: Annotated[
            str | None,
            QueryParameter(description="previous, previous_year, previous_year_same_weekday, or segment:NAME."),
        ] = None,
        as_of: Annotated[Day, QueryParameter(description="As the shop stood at the end of that business day.")] = None,
        known_at: Annotated[
            datetime | None,
            QueryParameter(description="By what had arrived at that moment (with its offset from UTC)."),
        ] = None,
    ) -> KpiAnswer:
        """One figure. Every other parameter is an option of the KPI by its name, like ``n=3``."""
        _require(slug)
        result = await insights.kpi(
            slug,
            window=_window(first, last, window),
            period=window,
            segment_id=segment_id,
            as_of_rule=members,
            options=_options(request),
            by=by,
            compare=compare,
            as_of=_within(as_of, "as_of"),
            known_at=_aware(known_at),
        )
        return kpi_answer(result)

    @get("/{slug:str}/trend", summary="Read a figure's line", guards=[_READ])
    async def get_trend(
        self,
        request: Request[None, None, State],
        snapshots: NamedDependency[Snapshots],
        slug: FromPath[Slug],
        segment_id: SegmentFilter = None,
        since: Annotated[Day, QueryParameter(description="Only figures of this business day and later.")] = None,
    ) -> list[TrendAnswer]:
        """The figures that were kept day by day, oldest first. Every other parameter is an option of the KPI."""
        _require(slug)
        since = _within(since, "since") or _FIRST
        found = await snapshots.trend(slug, options=_options(request), segment_id=segment_id, since=since)
        return [trend_answer(point) for point in found]


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise BadInput("Say known_at with its offset from UTC, like 2026-03-31T09:00:00+09:00.", field="known_at")
    return moment


def _require(slug: str) -> None:
    if slug not in CATALOG:
        raise NotFound(f"No KPI is called {slug}; {hint(slug, CATALOG)}.", code="kpi_not_found", field="slug")


def _options(request: Request[None, None, State]) -> dict[str, Any]:
    return {name: value for name, value in request.query_params.items() if name not in ASKED}


def _window(first: date | None, last: date | None, name: str | None) -> Window | None:
    if first is None and last is None:
        return None
    if name is not None:
        raise BadInput("Give either window, or from and to.", field="window")
    if first is None or last is None:
        raise BadInput("Give both from and to, or neither.", field="from" if first is None else "to")
    return Window(_within(first, "from") or first, _within(last, "to") or last)


def _within(day: date | None, field: str) -> date | None:
    """A day far from any shop's would leave the calendar."""
    if day is not None and not _FIRST <= day <= _LAST:
        raise BadInput(f"Days are from {_FIRST} to {_LAST}.", field=field)
    return day
