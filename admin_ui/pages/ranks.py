"""設定 → ランク: the rules in force, a draft with its preview, and the history of versions."""

from datetime import date
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui import rank_views as views
from admin_ui.forms import Errors, Form
from admin_ui.page import Page
from admin_ui.rank_views import Typed
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from backend.services.ranks import RankPreview, told
from segments.rank_rules import RankRules


@get("/settings/ranks", opt={"allow": Allow.VIEWER})
async def show_ranks(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The rules in force, ready to be changed."""
    current, today = await services.rank_desk.current(), (await services.rank_desk.today()).isoformat()
    if current is None:
        settings = await services.shop.get()
        return await _show(page, services, views.blank(settings.fiscal_starts, today))
    return await _show(page, services, views.written(current.rules, today, page.shop.currency))


@post("/settings/ranks", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def change_ranks(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """A row more or less, a look at what the draft would do, or a new version, as the button says."""
    wish, given = form.text("do"), views.typed(form)
    if wish not in ("preview", "save"):
        return await _show(page, services, given)
    rules, errors = views.read(given, page.shop.currency, page.say)
    begins = _day(given.fields["valid_from"])
    if begins is None:
        errors["valid_from"] = views.problem("valid_from", page.say)
    if rules is None or errors:
        return await _show(page, services, given, errors=errors)
    try:
        if wish == "preview":
            found = await services.rank_desk.preview(rules, valid_from=begins)
            return await _show(page, services, given, draft=rules, preview=found)
        actor, note = page.administrator.email, given.fields["note"]
        await services.rank_desk.save(rules, valid_from=begins, note=note, actor=actor)
    except (BadInput, Conflict) as error:
        field = error.field or "ranks"
        return await _show(page, services, given, errors={field: views.problem(field, page.say)})
    return page.go("/settings/ranks", "saved")


@get("/members/{customer_id:int}/ranks", opt={"allow": Allow.VIEWER})
async def show_way(
    page: NamedDependency[Page], services: NamedDependency[PageServices], customer_id: FromPath[int]
) -> Response[Any]:
    """One member's way through the ranks."""
    rank = await services.rank_desk.person(customer_id)
    missing = None if rank.to_next is None else views.amount(rank.to_next, rank.criterion, page.shop.currency, page.say)
    person = await services.people.detail(customer_id)
    return page.show("members/ranks.html", rank=rank, missing=missing, person=person, customer_id=customer_id)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _show(
    page: Page,
    services: PageServices,
    given: Typed,
    *,
    errors: Errors | None = None,
    draft: RankRules | None = None,
    preview: RankPreview | None = None,
) -> Response[Any]:
    say, currency = page.say, page.shop.currency
    versions = told(await services.rank_desk.versions(), await services.rank_desk.today())
    return page.show(
        "settings/ranks.html",
        status=422 if errors else 200,
        given=given,
        versions=[
            (each, [(rank.name, views.threshold(rank, each.rules, currency, say)) for rank in each.rules.ranks],
             views.sentences(each.rules, say))
            for each in versions
        ],
        draft=draft,
        preview=preview,
        criteria=views.CRITERIA,
        periods=views.PERIODS,
        promotions=views.PROMOTIONS,
        errors=errors or {},
    )  # fmt: skip


ROUTES = (show_ranks, change_ranks, show_way)
