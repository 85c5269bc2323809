"""セグメントの重なり: sizes and intersections of up to four segments, as a picture, a table and a file."""

import csv
import io
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from admin_ui.overlap_views import overlap_view
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from segments.overlap import MOST, Overlap
from segments.overview import StoredSegment


@get("/segments/overlap", opt={"allow": Allow.VIEWER})
async def show_overlap(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Segments side by side; those of the address, the newest two by default."""
    everything = await services.segment_runs.stored()
    chosen = _chosen(page, everything)
    overlap = await _compared(services, chosen)
    return page.show(
        "segments/overlap.html",
        everything=everything,
        chosen=chosen,
        most=MOST,
        overlap=overlap,
        view=overlap_view(overlap, [each.segment.name for each in chosen]) if overlap else None,
    )


@get("/segments/overlap.csv", opt={"allow": Allow.VIEWER})
async def download_overlap(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[str]:
    """The same intersections as a file: one line for every combination, with a column for each segment."""
    chosen = _chosen(page, await services.segment_runs.stored())
    overlap = await _compared(services, chosen)
    names = [each.segment.name for each in chosen]
    text = io.StringIO()
    writer = csv.writer(text)
    since = overlap.known_since if overlap else None
    noted = [page.say("Short history")] if since else []
    writer.writerow([*names, page.say("People"), page.say("Reached by push"), *noted])
    for cell in overlap.exact() if overlap else ():
        inside = [int(place in cell.places) for place in range(len(names))]
        writer.writerow([*inside, cell.size, cell.reachable, *([since] if since else [])])
    headers = {"content-disposition": 'attachment; filename="overlap.csv"'}
    return Response(f"\ufeff{text.getvalue()}", media_type="text/csv; charset=utf-8", headers=headers)


def _chosen(page: Page, everything: list[StoredSegment]) -> list[StoredSegment]:
    asked = [text for text in page.request.query_params.getall("segment", []) if text]
    by_id = {str(each.segment.id): each for each in everything}
    found = [by_id[text] for text in dict.fromkeys(asked) if text in by_id][:MOST]
    newest = sorted(everything, key=lambda each: each.changed_at, reverse=True)
    return found if asked else newest[:2]


async def _compared(services: PageServices, chosen: list[StoredSegment]) -> Overlap | None:
    if not chosen:
        return None
    return await services.segment_overlaps.compare([(each.segment.id, each.segment.rule) for each in chosen])


ROUTES = (show_overlap, download_overlap)
