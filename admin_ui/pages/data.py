"""データ: sources and their keys, what came in, and what could not be taken."""

from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from backend.services.sources import NewSource

PAGE = 50

KINDS = {
    "app": mark("App"),
    "server": mark("Server"),
    "import": mark("Files"),
    "system": mark("Joren itself"),
}
_DAYS = 30


@get("/data", opt={"allow": Allow.VIEWER})
async def show_data(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Sources with their volumes, and events by name."""
    return await _show(page, services)


@post("/data/sources", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def create_source(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Make a source and show its key; a server's key is shown this once."""
    typed = {"name": form.text("name"), "kind": form.text("kind", "app")}
    try:
        made = await services.sources.create(typed["name"], kind=typed["kind"])
    except (BadInput, Conflict) as error:
        taken = page.say("There is already a source of this name.")
        wrong = page.say("A name has 1 to 100 characters.")
        return await _show(
            page, services, typed=typed, errors={"name": taken if isinstance(error, Conflict) else wrong}
        )
    return await _show(page, services, made=made)


@post("/data/sources/revoke", opt={"allow": Allow.ADMINISTRATOR})
async def revoke_source(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Refuse a source's key from now on."""
    await services.sources.revoke(form.text("name"))
    return page.go("/data", "revoked")


@get("/data/failed", opt={"allow": Allow.VIEWER})
async def list_failed(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Events that could not be taken in, newest first."""
    before = page.number("before", 0, least=0, most=2**31 - 1) or None
    failed = await services.sources.failed(limit=PAGE + 1, before=before)
    return page.show(
        "data/failed.html",
        failed=failed[:PAGE],
        following=failed[PAGE - 1].failed_id if len(failed) > PAGE else None,
        by_code=await services.sources.failures(),
    )


@get("/data/failed/{failed_id:int}", opt={"allow": Allow.VIEWER})
async def show_failed(
    page: NamedDependency[Page], services: NamedDependency[PageServices], failed_id: FromPath[int]
) -> Response[Any]:
    """One of them with its bytes as they came."""
    failed = await services.sources.failed_event(failed_id)
    raw = failed.raw.decode("utf-8", "backslashreplace")
    return page.show("data/failed_event.html", failed=failed, raw=raw[:100_000], size=len(failed.raw))


async def _show(
    page: Page,
    services: PageServices,
    *,
    made: NewSource | None = None,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    since = (page.now - timedelta(days=_DAYS)).date()
    return page.show(
        "data/list.html",
        status=422 if errors else 200,
        sources=await services.sources.list(),
        volumes=await services.sources.volumes(since=since),
        failures=sum((await services.sources.failures()).values()),
        days=_DAYS,
        made=made,
        kinds=KINDS,
        typed=typed or {"name": "", "kind": "app"},
        errors=errors or {},
        host=str(page.request.base_url).rstrip("/"),
    )


ROUTES = (show_data, create_source, revoke_source, list_failed, show_failed)
