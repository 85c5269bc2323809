"""分析: the catalogue of KPIs, and one KPI for everyone and segment by segment, as charts, tables and CSV."""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import charts, kpi_views, viewmodels
from admin_ui.error_words import question_words
from admin_ui.forms import Form
from admin_ui.kpi_words import CHOICES, COMPARISONS, FAMILY_NAMES, PERIODS
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import JorenError
from segments.breakdown import BREAKDOWNS
from segments.cells import protect
from segments.errors import BadOption, FactsError
from segments.events import VOCABULARY
from segments.metrics.catalog import FAMILIES
from segments.metrics.catalog import get as metric_of
from segments.metrics.metric import Metric, Words
from segments.metrics.notes import NOTES
from segments.metrics.result import AsOfRule, Breakdown, KpiResult
from segments.metrics.tables import sheet_table, table
from segments.periods import NAMED
from segments.snapshots import choose, read_choice
from segments.windows import Window

OPTIONS_SHOWN = 3
"""Options that stand open; the rest is asked for."""

MOST_SEGMENTS = 6
"""Series that can be told apart."""


@get("/analysis", opt={"allow": Allow.VIEWER})
async def list_metrics(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Every KPI with its value for everyone now, family by family."""
    asked = page.query("q").strip()
    kept = await _kept_slugs(services)
    families = []
    for family in FAMILIES:
        found = [metric for metric in family if _matches(metric, asked)]
        figures = [viewmodels.figure(await services.insights.kpi(metric.slug), page.say) for metric in found]
        if figures:
            families.append((FAMILY_NAMES.get(family[0].slug, ""), figures))
    return page.show("analysis/list.html", families=families, asked=asked, kept=kept)


@get("/analysis/{slug:str}", opt={"allow": Allow.VIEWER})
async def show_metric(
    page: NamedDependency[Page], services: NamedDependency[PageServices], slug: FromPath[str]
) -> Response[Any]:
    """One KPI: everyone and the chosen segments side by side, broken down, compared, and day by day."""
    results, error = await _ask(page, services, slug)
    results = await _with_store_names(services, results)
    metric, everyone = metric_of(slug), results[0]
    segments = [(e.segment.id, e.segment.name) for e in await services.segment_runs.stored()]
    return page.show(
        "analysis/detail.html",
        metric=metric,
        figures=[viewmodels.figure(result, page.say) for result in results],
        compared=[kpi_views.compared_row(result, page.say) for result in results],
        comparison=_comparison(page, everyone),
        shares=_shares(results),
        heat=_heat(page, results),
        curve=_curve(page, results),
        parts=[kpi_views.groups(each, each.breakdown, page.say) for each in results if each.breakdown],
        sheets=_sheets(page, results),
        trend=await _trend(page, services, results),
        holidays=await _holidays(page, services, everyone),
        choice=_choice(everyone).key,
        recorded=_choice(everyone).key in await _kept(services),
        segments=segments,
        chosen=_chosen(page),
        options=_options(page, metric),
        choice_names=CHOICES,
        events=VOCABULARY,
        changed=any(page.query(option.name) for option in metric.options[OPTIONS_SHOWN:]),
        first=everyone.measured.window.first.isoformat(),
        last=everyone.measured.window.last.isoformat(),
        periods={name: PERIODS[name] for name in NAMED},
        comparisons=COMPARISONS,
        breakdowns=BREAKDOWNS,
        by=everyone.breakdown.name if everyone.breakdown else "",
        rule=_rule(page),
        asked=page.query,
        error=error,
        address=page.request.url.query,
    )


@get("/analysis/{slug:str}/csv", opt={"allow": Allow.VIEWER})
async def download_metric(
    page: NamedDependency[Page], services: NamedDependency[PageServices], slug: FromPath[str]
) -> Response[str]:
    """The same figures as a table for a spreadsheet; with ``part=sheet`` the KPI's own table."""
    results, _ = await _ask(page, services, slug)
    sheet = results[0].measured.sheet
    if page.query("part") == "sheet" and sheet is not None:
        rows, name = sheet_table(sheet), f"{slug}-table.csv"
    else:
        rows, name = table(results), f"{slug}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    text = "\ufeff" + as_csv(rows.columns, rows.rows())
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@post("/analysis/{slug:str}/record", opt={"allow": Allow.MARKETER})
async def record_metric(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    slug: FromPath[str],
) -> Response[Any]:
    """Keep this figure, with these options, every day from now on; or no longer."""
    choice = read_choice(form.text("choice"))
    if choice.slug != slug:
        return page.go(f"/analysis/{slug}")
    kept = [key for key in await _kept(services) if key != choice.key]
    chosen = [*kept, choice.key] if form.flag("on") else kept
    await services.shop.change({"snapshot_kpis": chosen}, actor=page.administrator.email)
    return page.go(f"/analysis/{slug}", "saved", **{name: str(value) for name, value in choice.options.items()})


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table for a spreadsheet; texts that it would run are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_as_written(value) for value in row] for row in rows)
    return text.getvalue()


def _as_written(value: Any) -> Any:
    if isinstance(value, str):
        return protect(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


async def _ask(page: Page, services: PageServices, slug: str) -> tuple[list[KpiResult], str]:
    """The figure of everyone and of each chosen segment; what cannot be asked is said and asked by default."""
    metric = metric_of(slug)
    first, last, period = page.day("from"), page.day("to"), page.query("window")
    asked: dict[str, Any] = {
        "as_of_rule": _rule(page),
        "options": _given(page, metric),
        "period": period or None,
        "by": page.query("by") or None,
        "compare": page.query("compare") or None,
        "as_of": page.day("as_of"),
    }
    numbers: list[int | None] = [None, *_chosen(page)]
    try:
        window = Window(first, last) if first and last and not period else None
        return await _all(services, slug, numbers, window=window, **asked), ""
    except (FactsError, JorenError) as error:
        return await _all(services, slug, [None], as_of_rule=_rule(page)), _why(page, metric, error)


def _why(page: Page, metric: Metric, error: FactsError | JorenError) -> str:
    """Why it cannot be asked, naming the option at fault as the form does."""
    name = error.option if isinstance(error, BadOption) else ""
    option = next((page.say.pick(each) for each in metric.options if each.name == name), name)
    return question_words(error, page.say, option=option)


async def _all(services: PageServices, slug: str, numbers: list[int | None], **asked: Any) -> list[KpiResult]:
    return list(await asyncio.gather(*(services.insights.kpi(slug, segment_id=each, **asked) for each in numbers)))


async def _with_store_names(services: PageServices, results: list[KpiResult]) -> list[KpiResult]:
    """Stores by their names, as far as the shop told them."""
    broken = [each.breakdown for each in results if each.breakdown and each.breakdown.name == "last_store"]
    numbers = {one.group.label for each in broken for one in each.groups if one.group.label}
    if not numbers:
        return results
    names = await services.coupon_book.store_names(numbers)
    return [replace(each, breakdown=_renamed(each.breakdown, names)) for each in results]


def _renamed(breakdown: Breakdown | None, names: Mapping[str, Words]) -> Breakdown | None:
    if breakdown is None:
        return None
    groups = [
        replace(each, group=replace(each.group, words=names.get(each.group.label or "", each.group.words)))
        for each in breakdown.groups
    ]
    return replace(breakdown, groups=tuple(groups))


async def _kept(services: PageServices) -> list[str]:
    return list((await services.snapshots.status(limit=1)).choices)


async def _kept_slugs(services: PageServices) -> set[str]:
    return {key.partition("?")[0] for key in await _kept(services)}


def _choice(result: KpiResult) -> Any:
    return choose(result.metric.slug, result.measured.options)


async def _trend(
    page: Page, services: PageServices, results: list[KpiResult]
) -> list[tuple[str, kpi_views.TrendView | None]]:
    """The line of kept figures of everyone, or of the one segment that was chosen."""
    shown = results[-1] if len(results) == 2 else results[0]  # noqa: PLR2004 - everyone and one segment
    options = dict(shown.measured.options)
    number = shown.segment.id if shown.segment else None
    points = await services.snapshots.trend(shown.metric.slug, options=options, segment_id=number)
    holidays = (await services.shop.get()).mark_holidays
    view = kpi_views.trend(shown.metric, points, shown.currency, page.say, holidays=holidays)
    return [(shown.segment.name if shown.segment else page.say("Everyone"), view)]


async def _holidays(page: Page, services: PageServices, result: KpiResult) -> tuple[str, ...]:
    if not (await services.shop.get()).mark_holidays:
        return ()
    return kpi_views.holidays_in(result.measured.window, page.say)


def _sheets(page: Page, results: list[KpiResult]) -> list[tuple[str, kpi_views.SheetView]]:
    return [
        (each.segment.name if each.segment else page.say("Everyone"), kpi_views.sheet(sheet, each.currency, page.say))
        for each in results
        if (sheet := each.measured.sheet) is not None and sheet.rows
    ]


def _comparison(page: Page, result: KpiResult) -> str:
    """With what the figures are compared, in words; empty where with nothing."""
    compared = result.compared
    if compared is None:
        return ""
    measured = compared.measured
    why = f" ({NOTES[measured.notes[-1]][page.say.language]})" if measured.value is None and measured.notes else ""
    if compared.segment is not None:
        return compared.segment.name + why
    return f"{page.say(COMPARISONS[compared.how])} {viewmodels.window(measured.window, page.say)}{why}"


def _matches(metric: Metric, asked: str) -> bool:
    texts = (metric.slug, *metric.title.values(), *metric.definition.values())
    return not asked or any(asked.lower() in text.lower() for text in texts)


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
            "events": not option.choices and isinstance(option.default, str) and option.reads is None,
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
    table_ = results[0].measured.table if len(results) == 1 else None
    return viewmodels.heat(table_, page.say) if table_ and table_.cohorts else None


def _curve(page: Page, results: list[KpiResult]) -> str | None:
    tables = [(r.segment.name if r.segment else page.say("Everyone"), r.measured.table) for r in results]
    known = [(name, found) for name, found in tables if found is not None]
    if not known:
        return None
    return charts.retention([(name, found.pooled) for name, found in known], known[0][1].unit, page.say)


ROUTES = (list_metrics, show_metric, download_metric, record_metric)
