"""プレイブック: campaigns ready to use; one button makes the segment and the draft, and opens the editor."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import playbook_views
from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from campaigns.playbooks.playbook import Kind

_VALUES = {Kind.STORE: "store", Kind.CATEGORY: "category", Kind.COUPON: "coupon"}


@get("/campaigns/playbooks", opt={"allow": Allow.VIEWER})
async def list_playbooks(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The library."""
    return await _show(page, services)


@post("/campaigns/playbooks/{slug:str}", opt={"allow": Allow.MARKETER})
async def make_playbook(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    slug: FromPath[str],
) -> Response[Any]:
    """The segment and the draft of a playbook, in the editor."""
    playbook = (await services.playbooks.get(slug)).playbook
    given = playbook_views.answers(form, playbook.asks, page.shop.currency)
    try:
        made = await services.playbooks.make(slug, given, language=page.say.language, by=page.administrator.email)
    except BadInput as error:
        if error.field not in given:
            raise
        said = {error.field: page.say("This answer cannot be taken. Choose or enter another one.")}
        return await _show(page, services, slug=slug, typed=dict(form.fields), errors=said)
    return page.go(f"/campaigns/{made.campaign.summary.campaign_id}/edit", "drafted")


async def _show(
    page: Page,
    services: PageServices,
    *,
    slug: str = "",
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response[Any]:
    offered = {kind: await services.segment_values.of_property(name) for kind, name in _VALUES.items()}
    cards = [
        playbook_views.card(
            each,
            page.say,
            currency=page.shop.currency,
            offered=offered,
            typed=typed if each.playbook.slug == slug else None,
            errors=errors if each.playbook.slug == slug else None,
        )
        for each in await services.playbooks.list()
    ]
    return page.show("campaigns/playbooks.html", groups=playbook_views.groups(cards), status=422 if errors else 200)


ROUTES = (list_playbooks, make_playbook)
