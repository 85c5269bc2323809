"""セグメントの中身と下書き: who is in it and why, and drafts that the live segment does not know."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.services.segment_runs.saving import SegmentUsed

PAGE = 50


@get("/segments/{segment_id:int}/members", opt={"allow": Allow.VIEWER})
async def list_segment_members(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Who is in a segment, since when; each with the way to the reasons."""
    stored = await services.segment_runs.get(segment_id)
    state = await services.membership_ledger.state(segment_id)
    after = page.number("after", 0, least=0)
    members = await services.membership_ledger.members(segment_id, after=after, limit=PAGE + 1)
    shown = members[:PAGE]
    return page.show(
        "segments/members.html",
        stored=stored,
        state=state,
        members=shown,
        after=after,
        further=shown[-1].customer_id if len(members) > PAGE else None,
    )


@get("/segments/{segment_id:int}/members/{customer_id:int}", opt={"allow": Allow.VIEWER})
async def show_why(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    segment_id: FromPath[int],
    customer_id: FromPath[int],
) -> Response[Any]:
    """Why a person is in a segment or not, condition by condition, with the person's own values."""
    explanation = await services.segment_runs.explain(segment_id, customer_id=customer_id)
    return page.show("segments/why.html", stored=await services.segment_runs.get(segment_id), explanation=explanation)


@post("/segments/{segment_id:int}/draft/publish", opt={"allow": Allow.MARKETER})
async def publish_draft(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    segment_id: FromPath[int],
) -> Response[Any]:
    """Put a draft in force; what goes by the segment is told first and has to be confirmed."""
    try:
        await services.segment_versions.publish_draft(
            segment_id, actor=page.administrator.email, confirm=form.flag("confirm")
        )
    except SegmentUsed:
        return page.go(f"/segments/{segment_id}", publish="confirm")
    return page.go(f"/segments/{segment_id}", "saved")


@post("/segments/{segment_id:int}/draft/discard", opt={"allow": Allow.MARKETER})
async def discard_draft(
    page: NamedDependency[Page], services: NamedDependency[PageServices], segment_id: FromPath[int]
) -> Response[Any]:
    """Forget a draft."""
    await services.segment_versions.discard_draft(segment_id, actor=page.administrator.email)
    return page.go(f"/segments/{segment_id}", "removed")


ROUTES = (list_segment_members, show_why, publish_draft, discard_draft)
