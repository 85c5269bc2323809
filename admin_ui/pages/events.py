"""データ: which events come, how many, what breaks the plan."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from admin_ui import filters
from admin_ui.charts import chart, series
from admin_ui.failure_words import broken_rules
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.plan_form import TYPES
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import NotFound
from backend.services.event_volumes import EventDay, EventVolume
from segments.plan import PlannedProperty

DAYS = 30

_ORDERS: Mapping[str, Callable[[EventVolume], Any]] = {
    "name": lambda each: each.name.casefold(),
    "stored": lambda each: each.stored,
    "violated": lambda each: each.violated,
    "failed": lambda each: each.failed,
    "last": lambda each: each.last_at,
}


@get("/data", opt={"allow": Allow.VIEWER})
async def list_events(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Events by name with their volume, trend, violations and last time."""
    first, last = _window(page)
    source_id = page.number("source", 0, least=0, most=2**31 - 1) or None
    volumes = await services.event_volumes.volumes(first=first, last=last, source_id=source_id)
    order = read_order(page.query("sort"), _ORDERS, Order("stored", descending=True))
    return page.show(
        "data/events.html",
        volumes=ordered(volumes, order, _ORDERS),
        order=order,
        sources=[(each.source_id, each.name) for each in await services.plans.list()],
        source_id=source_id,
        waiting=sum((await services.sources.failures()).values()),
        days=DAYS,
        trend=_trend,
    )


@get("/data/event", opt={"allow": Allow.VIEWER})
async def show_event(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """One event: its days, what it breaks, how its properties look."""
    first, last = _window(page)
    name, source_id = page.query("name"), page.number("source", 0, least=0, most=2**31 - 1) or None
    if not name or "\x00" in name:
        raise NotFound("There is no event without a name.")
    sheet = await services.event_volumes.sheet(name, first=first, last=last, source_id=source_id)
    sources = await services.plans.list()
    plans = [each for each in sources if each.plan and source_id in (None, each.source_id)]
    planned = {each.source_id: each.plan.event(name) for each in plans if each.plan}
    return page.show(
        "data/event.html",
        name=name,
        sheet=sheet,
        days=DAYS,
        chart=_chart(page, sheet.volume.days) if sheet.volume else None,
        rules=[(*broken_rules([each.violation], page.say)[0], each) for each in sheet.violations],
        sources=[(each.source_id, each.name) for each in sources],
        source_id=source_id,
        open_sources=[each for each in sources if each.kind in ("app", "server") and not each.revoked_at],
        planned=planned,
        expected=_expected(planned.values()),
        types=TYPES,
    )


def _window(page: Page) -> tuple[date, date]:
    """Days as the database counts them: UTC."""
    last = page.now.date()
    return last - timedelta(days=DAYS - 1), last


def _trend(volume: EventVolume) -> list[int]:
    return [day.stored for day in volume.days]


def _chart(page: Page, days: tuple[EventDay, ...]) -> str:
    say = page.say
    labels = [filters.short_day(day.day, say) for day in days]
    lines = [series(say("Stored"), [day.stored for day in days], [""] * len(days), colour=1)]
    for label, values, colour in (
        (say("Breaks the plan"), [day.violated for day in days], 2),
        (say("Failed"), [day.failed for day in days], 3),
    ):
        if any(values):
            lines.append(series(label, values, [""] * len(days), colour=colour))
    return chart("line", labels, lines)


def _expected(events: Any) -> dict[str, PlannedProperty]:
    """Planned properties by path, of the first plan that has one."""
    found: dict[str, PlannedProperty] = {}
    for event in events:
        for item in event.properties if event else ():
            found.setdefault(item.path, item)
    return found


ROUTES = (list_events, show_event)
