"""会員: the list, and one person's page that follows what happens."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import member_views
from admin_ui.coupon_views import FLAGS
from admin_ui.order import Order, read_order
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.services.people import ORDERS

SIZE = 50
WORDS = 20


@get("/members", opt={"allow": Allow.VIEWER})
async def list_members(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """One page of the members; search, filters and page stand in the address."""
    query, rank = page.query("q"), page.query("rank")
    segment_id = page.number("segment", 0, least=0) or None
    order = read_order(page.query("sort"), ORDERS, Order("last_seen", descending=True))
    shown = await services.people.list(
        query=query,
        rank=rank or None,
        segment_id=segment_id,
        order=order.column,
        descending=order.descending,
        page=page.number("page", 1, most=10_000),
        size=SIZE,
    )
    segments = await services.segment_runs.stored()
    return page.show(
        "members/list.html",
        shown=shown,
        order=order,
        query=query,
        rank=rank,
        segment_id=segment_id,
        ranks=await services.people.ranks(),
        segments=[(each.segment.id, each.segment.name) for each in segments],
        filtered=bool(query or rank or segment_id),
        address=_address({"q": query, "rank": rank, "segment": str(segment_id or ""), "sort": page.query("sort")}),
    )


@get("/members/{customer_id:int}", opt={"allow": Allow.VIEWER})
async def show_member(
    page: NamedDependency[Page], services: NamedDependency[PageServices], customer_id: FromPath[int]
) -> Response[Any]:
    """One person: profile, consents, devices, rank, coupons, segments with why, and everything that happened."""
    return page.show("members/detail.html", **await _person(page, services, customer_id))


@get("/members/{customer_id:int}/now", opt={"allow": Allow.VIEWER})
async def follow_member(
    page: NamedDependency[Page], services: NamedDependency[PageServices], customer_id: FromPath[int]
) -> Response[Any]:
    """The person's page without its frame, for a page that is being watched."""
    return page.show("members/_person.html", **await _person(page, services, customer_id))


async def _person(page: Page, services: PageServices, customer_id: int) -> dict[str, Any]:
    person = await services.people.detail(customer_id)
    timeline = await services.people.timeline(customer_id, before=page.query("before") or None, size=SIZE)
    words = await services.people.consent_history(customer_id, size=WORDS)
    return {
        "person": person,
        "words": words,
        "customer_id": customer_id,
        "facts": member_views.facts(person.facts, currency=page.shop.currency, say=page.say),
        "profile": member_views.profile(person.traits, page.say),
        "coupon_states": member_views.COUPON_STATES,
        "coupon_flags": FLAGS,
        "device_states": member_views.DEVICE_STATES,
        "permissions": member_views.PERMISSIONS,
        "platforms": member_views.PLATFORMS,
        "purposes": member_views.PURPOSES,
        "entries": member_views.entries(timeline.entries, zone=page.shop.zone, say=page.say),
        "following": timeline.next,
        "watched": not page.query("before"),
    }


def _address(fields: Mapping[str, str]) -> str:
    """The list's address with its filters, ready for a page number."""
    kept = urlencode({name: value for name, value in fields.items() if value})
    return f"/members?{kept}&page=" if kept else "/members?page="


ROUTES = (list_members, show_member, follow_member)
