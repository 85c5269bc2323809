"""分析: the catalogue of KPIs, and one KPI for everyone and segment by segment, as chart, table and CSV."""

import asyncio
import csv
import io
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import charts, viewmodels
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from segments.cells import protect
from segments.errors import FactsError
from segments.events import VOCABULARY
from segments.metrics.catalog import CATALOG
from segments.metrics.catalog import get as metric_of
from segments.metrics.metric import Metric
from segments.metrics.result import AsOfRule, KpiResult
from segments.windows import Window

OPTIONS_SHOWN = 3
"""Options that stand open; the rest is asked for."""

MOST_SEGMENTS = 6
"""Series that can be told apart."""

CHOICES = {
    "days": mark("by day"),
    "receipts": mark("by receipt"),
    "store_days": mark("by store and day"),
    "first": mark("the first ever"),
    "every": mark("every one"),
    "events": mark("events"),
    "exact": mark("exactly then"),
    "range": mark("in a range"),
    "rolling": mark("then or later"),
    "day": mark("day"),
    "week": mark("week"),
    "month": mark("month"),
}
"""How the choices of options are called."""


@get("/analysis", opt={"allow": Allow.VIEWER})
async def list_metrics(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Every KPI with its value for everyone now."""
    results = [await services.insights.kpi(metric.slug) for metric in CATALOG.values()]
    return page.show("analysis/list.html", figures=[viewmodels.figure(result, page.say) for result in results])


@get("/analysis/{slug:str}", opt={"allow": Allow.VIEWER})
async def show_metric(
    page: NamedDependency[Page], services: NamedDependency[PageServices], slug: FromPath[str]
) -> Response[Any]:
    """One KPI: everyone and the chosen segments side by side."""
    results, error = await _ask(page, services, slug)
    metric = metric_of(slug)
    return page.show(
        "analysis/detail.html",
        metric=metric,
        figures=[viewmodels.figure(result, page.say) for result in results],
        shares=_shares(results),
        heat=_heat(page, results),
        curve=_curve(page, results),
        segments=[(e.stored.segment.id, e.stored.segment.name) for e in await services.segment_runs.list()],
        chosen=_chosen(page),
        options=_options(page, metric),
        choice_names=CHOICES,
        events=VOCABULARY,
        changed=any(page.query(option.name) for option in metric.options[OPTIONS_SHOWN:]),
        first=page.query("from") or results[0].measured.window.first.isoformat(),
        last=page.query("to") or results[0].measured.window.last.isoformat(),
        rule=_rule(page),
        error=error,
        address=page.request.url.query,
    )


@get("/analysis/{slug:str}/csv", opt={"allow": Allow.VIEWER})
async def download_metric(
    page: NamedDependency[Page], services: NamedDependency[PageServices], slug: FromPath[str]
) -> Response[str]:
    """The same figures as a table for a spreadsheet."""
    results, _ = await _ask(page, services, slug)
    headers = {"Content-Disposition": f'attachment; filename="{slug}.csv"'}
    return Response("\ufeff" + as_csv(results), media_type="text/csv; charset=utf-8", headers=headers)


def as_csv(results: list[KpiResult]) -> str:
    """One row a group of people, and of retention one row a cell; texts that a spreadsheet would run are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ["kpi", "segment", "from", "to", "as_of", "cohort", "period", "numerator", "denominator", "value", "incomplete"]
    )
    for result in results:
        writer.writerows(_rows(result))
    return text.getvalue()


def _rows(result: KpiResult) -> list[list[Any]]:
    measured = result.measured
    whose = protect(result.segment.name) if result.segment else ""
    head = [measured.slug, whose, measured.window.first, measured.window.last, result.as_of.isoformat()]
    whole = [*head, "", "", measured.numerator, measured.denominator, measured.value, measured.incomplete]
    if measured.table is None:
        return [whole]
    cells = [
        [*head, cohort.start, cell.period, cell.numerator, cell.denominator, cell.value, cell.incomplete]
        for cohort in measured.table.cohorts
        for cell in cohort.cells
    ]
    return [whole, *cells]


async def _ask(page: Page, services: PageServices, slug: str) -> tuple[list[KpiResult], str]:
    """The figure of everyone and of each chosen segment; what cannot be asked is said and asked by default."""
    metric = metric_of(slug)
    first, last = page.day("from"), page.day("to")
    asked: dict[str, Any] = {"as_of_rule": _rule(page), "options": _given(page, metric)}
    numbers: list[int | None] = [None, *_chosen(page)]
    try:
        window = Window(first, last) if first and last else None
        return await _all(services, slug, numbers, window=window, **asked), ""
    except (FactsError, BadInput) as error:
        return await _all(services, slug, numbers, as_of_rule=_rule(page)), str(error)


async def _all(services: PageServices, slug: str, numbers: list[int | None], **asked: Any) -> list[KpiResult]:
    return list(await asyncio.gather(*(services.insights.kpi(slug, segment_id=each, **asked) for each in numbers)))


def _chosen(page: Page) -> list[int]:
    asked = page.request.query_params.getall("segment", [])
    return [int(each) for each in asked if each.isascii() and each.isdigit() and len(each) < 10][:MOST_SEGMENTS]  # noqa: PLR2004 - fits 32 bits


def _rule(page: Page) -> AsOfRule:
    return "today" if page.query("rule") == "today" else "cohort"


def _given(page: Page, metric: Metric) -> dict[str, str]:
    return {option.name: page.query(option.name) for option in metric.options if page.query(option.name)}


def _options(page: Page, metric: Metric) -> list[dict[str, Any]]:
    return [
        {
            "option": option,
            "value": page.query(option.name) or str(option.default),
            "first": place < OPTIONS_SHOWN,
            "events": not option.choices and isinstance(option.default, str),
        }
        for place, option in enumerate(metric.options)
    ]


def _shares(results: list[KpiResult]) -> list[float]:
    """Lengths of the bars: shares as they are, other figures against the largest."""
    values = [result.measured.value or 0.0 for result in results]
    if results and results[0].metric.unit == "rate":
        return values
    largest = max(values, default=0.0)
    return [value / largest if largest else 0.0 for value in values]


def _heat(page: Page, results: list[KpiResult]) -> viewmodels.Heat | None:
    table = results[0].measured.table if len(results) == 1 else None
    return viewmodels.heat(table, page.say) if table and table.cohorts else None


def _curve(page: Page, results: list[KpiResult]) -> str | None:
    tables = [(r.segment.name if r.segment else page.say("Everyone"), r.measured.table) for r in results]
    known = [(name, table) for name, table in tables if table is not None]
    if not known:
        return None
    return charts.retention([(name, table.pooled) for name, table in known], known[0][1].unit, page.say)


ROUTES = (list_metrics, show_metric, download_metric)
