"""セグメント: the list, and one segment."""

from collections.abc import Callable, Mapping
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.kept_views import kept_row, last_day
from admin_ui.order import Order, ordered, read_order
from admin_ui.page import Page
from admin_ui.segment_builder import PICTURE_NAMES
from admin_ui.segment_views import sentence_of, size_chart, still_counting
from admin_ui.services import PageServices
from admin_ui.session import Allow
from segments.frame import Progress
from segments.overview import ListedSegment, Preview
from segments.starting_points import STARTING_POINTS

KEPT_DAYS = 90
"""How far back a segment's page looks at kept figures."""

_ORDERS: Mapping[str, Callable[[ListedSegment], Any]] = {
    "name": lambda each: each.stored.segment.name.casefold(),
    "people": lambda each: each.count.size,
    "reached": lambda each: each.count.reachable,
    "changed": lambda each: each.stored.changed_at,
}


@get("/segments", opt={"allow": Allow.VIEWER})
async def list_segments(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """All segments with the sizes that their memberships were last kept with."""
    archived = page.query("archived") == "1"
    listed = await services.segment_runs.list(archived=archived, kept=True)
    wanted = page.query("q").casefold()
    shown = [
        each
        for each in listed
        if wanted in f"{each.stored.segment.name}{sentence_of(page.say, each.stored)}".casefold()
    ]
    order = read_order(page.query("sort"), _ORDERS, Order("changed", descending=True))
    return page.show(
        "segments/list.html",
        listed=ordered(shown, order, _ORDERS),
        order=order,
        total=len(listed),
        archived=archived,
        wanted=page.query("q"),
        sentence=_says(page),
        yesterday=await services.membership_ledger.sizes_yesterday(),
        starts=() if listed else STARTING_POINTS,
        stores=() if listed else await services.segment_values.of_property("store"),
    )


@get("/segments/{segment_id:int}", opt={"allow": Allow.VIEWER})
async def show_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """One segment: its rule in words, its size, who is in it."""
    version = page.number("version", 0, least=0) or None
    newest = await services.segment_runs.get(segment_id)
    stored = newest if version is None else await services.segment_runs.get(segment_id, version=version)
    preview = await services.segment_runs.preview(stored.segment.rule, soon=True)
    history = await services.membership_ledger.history(segment_id)
    return page.show(
        "segments/detail.html",
        stored=stored,
        newest=newest,
        **await _people(page, services, preview),
        history=history,
        chart=size_chart(history, page.say),
        **await _kept_figures(page, services, segment_id),
        versions=await services.segment_versions.list(segment_id),
        draft=await services.segment_versions.draft(segment_id),
        uses=await services.segment_runs.uses(segment_id),
        asks=page.query("publish") == "confirm",
    )


@get("/segments/{segment_id:int}/people", opt={"allow": Allow.VIEWER})
async def show_people(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """The people of a segment once everyone is counted; nothing before that, and words where that failed.

    With ``again`` the people as they are known now; what failed is begun again.
    """
    stored = await services.segment_runs.get(segment_id, version=page.number("version", 0, least=0) or None)
    if not page.query("again"):
        progress = await services.segment_runs.progress(stored.segment.rule)
        if progress is not Progress.COUNTED:
            return still_counting(page, progress, stored)
    preview = await services.segment_runs.preview(stored.segment.rule, soon=True)
    return page.show("segments/_people.html", stored=stored, **await _people(page, services, preview))


async def _kept_figures(page: Page, services: PageServices, segment_id: int) -> dict[str, Any]:
    kept = await services.snapshots.of_segment(segment_id, days=KEPT_DAYS)
    currency = (await services.shop.get()).currency
    return {
        "kept": [kept_row(each, segment_id, currency, page.say) for each in kept],
        "kept_day": last_day(kept, page.say),
    }


async def _people(page: Page, services: PageServices, preview: Preview) -> dict[str, Any]:
    return {
        "preview": preview,
        "names": await services.segment_values.names(preview.by),
        "pick_picture": False,
        "pictures": PICTURE_NAMES,
        "sentence": _says(page),
    }


@post("/segments/{segment_id:int}/archive", opt={"allow": Allow.MARKETER})
async def archive_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Put a segment away."""
    await services.segment_runs.archive(segment_id, actor=page.administrator.email)
    return page.go("/segments", "archived")


@post("/segments/{segment_id:int}/restore", opt={"allow": Allow.MARKETER})
async def restore_segment(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Take an archived segment back."""
    await services.segment_runs.restore(segment_id, actor=page.administrator.email)
    return page.go(f"/segments/{segment_id}", "saved")


def _says(page: Page) -> Any:
    return lambda described: sentence_of(page.say, described)


ROUTES = (list_segments, show_segment, show_people, archive_segment, restore_segment)
