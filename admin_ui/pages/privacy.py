"""開示・消去: what is kept of one person, to be taken along or to be removed."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.forms import Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow

_POSTPONED = mark("Disk, history or database did not answer. The log of the worker says why.")


@get("/settings/privacy", opt={"allow": Allow.ADMINISTRATOR})
async def list_erasures(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Erasures that were asked for, and what they removed. No name stands here: that is the point."""
    erasures = await services.rights.list()
    return page.show(
        "settings/privacy.html",
        erasures=erasures,
        waiting=any(not each.finished_at for each in erasures),
        why=lambda error: page.say(_POSTPONED) if page.say.language == "ja" else error,
    )


@get("/members/{customer_id:int}/privacy", opt={"allow": Allow.ADMINISTRATOR})
async def show_rights(
    page: NamedDependency[Page], services: NamedDependency[PageServices], customer_id: FromPath[int]
) -> Response[Any]:
    """Disclosure and erasure of one person."""
    person = await services.people.detail(customer_id)
    return page.show("members/privacy.html", person=person, error=None)


@get("/members/{customer_id:int}/disclosure.json", opt={"allow": Allow.ADMINISTRATOR})
async def disclose_member(
    page: NamedDependency[Page], services: NamedDependency[PageServices], customer_id: FromPath[int]
) -> Response[bytes]:
    """Everything that is kept of a person, as a file."""
    document = await services.rights.disclose(customer_id, by=page.administrator.email)
    headers = {"Content-Disposition": f'attachment; filename="member-{customer_id}.json"', "Cache-Control": "no-store"}
    return Response(document, media_type="application/json", headers=headers)


@post("/members/{customer_id:int}/erase", opt={"allow": Allow.ADMINISTRATOR})
async def erase_member(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    customer_id: FromPath[int],
) -> Response[Any]:
    """Have a person erased, once what is erased was typed."""
    person = await services.people.detail(customer_id)
    if form.text("typed").strip() != (person.user_id or str(person.customer_id)):
        error = page.say("This is not the number of this member. Nothing was erased.")
        return page.show("members/privacy.html", status=422, person=person, error=error)
    await services.rights.erase(person.customer_id, by=page.administrator.email, reason=form.text("reason"))
    return page.go("/settings/privacy", "erasing")


ROUTES = (list_erasures, show_rights, disclose_member, erase_member)
