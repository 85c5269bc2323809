"""ソース: where events come from, with which keys, and how much each may send."""

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
from admin_ui.token_views import MODES, token_view
from backend.errors import BadInput, Conflict, NotFound
from backend.services.sources import SourceVolumes

KINDS = {
    "app": mark("App"),
    "server": mark("Server"),
    "import": mark("Files"),
    "system": mark("Joren itself"),
}
OVERLAPS = {
    "0": mark("Not at all: refuse them at once"),
    "1": mark("1 day"),
    "7": mark("7 days"),
    "30": mark("30 days"),
    "90": mark("90 days"),
    "365": mark("365 days"),
}
_NOT_KEPT = {
    "source_revoked": mark("This source is revoked. Make another one."),
    "too_many_keys": mark("10 keys are in force. Revoke one first."),
}


@get("/data/sources", opt={"allow": Allow.VIEWER})
async def list_sources(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Sources with their volumes."""
    return await _list(page, services)


@post("/data/sources", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def create_source(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Make a source and show its key; a server's key is shown this once."""
    typed = {"name": form.text("name"), "kind": form.text("kind", "app")}
    try:
        made = await services.sources.create(typed["name"], kind=typed["kind"], actor=page.administrator.email)
    except (BadInput, Conflict) as error:
        taken = page.say("There is already a source of this name.")
        wrong = page.say("A name has 1 to 100 characters.")
        errors = {"name": taken if isinstance(error, Conflict) else wrong}
        return await _list(page, services, typed=typed, errors=errors)
    return await show_sheet(page, services, made.source_id, made=made.write_key)


@get("/data/sources/{source_id:int}", opt={"allow": Allow.VIEWER})
async def show_source(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """One source: volumes, keys, limits."""
    return await show_sheet(page, services, source_id)


@post("/data/sources/{source_id:int}/rotate", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def rotate_key(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Make a new key and let the others end; a server's key is shown this once."""
    days = form.whole("overlap")
    overlap = timedelta(days=days if days is not None and str(days) in OVERLAPS else 30)
    try:
        made = await services.source_keys.rotate(source_id, overlap=overlap, actor=page.administrator.email)
    except Conflict as error:
        words = page.say(_NOT_KEPT[error.code])
        return await show_sheet(page, services, source_id, errors={"rotate": words})
    return await show_sheet(page, services, source_id, made=made.write_key)


@post("/data/sources/{source_id:int}/keys/{key_id:int}/revoke", opt={"allow": Allow.ADMINISTRATOR})
async def revoke_key(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    source_id: FromPath[int],
    key_id: FromPath[int],
) -> Response[Any]:
    """Refuse one key from now on."""
    await services.source_keys.revoke(source_id, key_id, actor=page.administrator.email)
    return page.go(f"/data/sources/{source_id}", "revoked")


@post("/data/sources/{source_id:int}/revoke", opt={"allow": Allow.ADMINISTRATOR})
async def revoke_source(
    page: NamedDependency[Page], services: NamedDependency[PageServices], source_id: FromPath[int]
) -> Response[Any]:
    """Refuse every key of a source from now on."""
    sheet = await services.source_keys.sheet(source_id)
    await services.sources.revoke(sheet.name, actor=page.administrator.email)
    return page.go(f"/data/sources/{source_id}", "revoked")


@post("/data/sources/{source_id:int}/limits", opt={"allow": Allow.ADMINISTRATOR})
async def set_limits(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Set how much a key and an address may send; an empty field is the installation's default."""
    chosen: dict[str, int | None] = {}
    errors: Errors = {}
    for field in ("key_limit", "address_limit"):
        chosen[field] = form.whole(field)
        if form.text(field) and chosen[field] is None:
            errors[field] = page.say("Enter a whole number, or leave it empty.")
    if not errors:
        try:
            await services.source_keys.set_limits(
                source_id,
                key_limit=chosen["key_limit"],
                address_limit=chosen["address_limit"],
                actor=page.administrator.email,
            )
            return page.go(f"/data/sources/{source_id}", "saved")
        except BadInput as error:
            errors = {error.field or "key_limit": page.say("Choose a number from 0 to 100,000,000.")}
    typed = {field: form.text(field) for field in chosen}
    return await show_sheet(page, services, source_id, errors=errors, typed=typed)


async def _list(
    page: Page, services: PageServices, *, typed: dict[str, str] | None = None, errors: Errors | None = None
) -> Response[Any]:
    return page.show(
        "data/sources.html",
        status=422 if errors else 200,
        sources=await services.sources.list(),
        kinds=KINDS,
        typed=typed or {"name": "", "kind": "app"},
        errors=errors or {},
    )


async def show_sheet(
    page: Page,
    services: PageServices,
    source_id: int,
    *,
    made: str | None = None,
    errors: Errors | None = None,
    typed: dict[str, str] | None = None,
) -> Response[Any]:
    """One source's page; ``made`` is a key to be shown this once."""
    sheet = await services.source_keys.sheet(source_id)
    limits = {"key_limit": sheet.key_limit, "address_limit": sheet.address_limit}
    shown = {field: "" if value is None else str(value) for field, value in limits.items()}
    public = next((key.write_key for key in sheet.keys if key.in_force(page.now)), None)
    return page.show(
        "data/source.html",
        status=422 if errors else 200,
        source=sheet,
        volumes=await _volumes(services, source_id),
        kinds=KINDS,
        overlaps=OVERLAPS,
        made=made,
        example=made or public,
        limits={**shown, **(typed or {})},
        tokens=token_view(await services.customer_tokens.state(source_id), page.say),
        token_modes=MODES,
        typed={"public_key": "", "kid": "", **(typed or {})},
        errors=errors or {},
        host=str(page.request.base_url).rstrip("/"),
    )


async def _volumes(services: PageServices, source_id: int) -> SourceVolumes:
    for each in await services.sources.list():
        if each.source_id == source_id:
            return each
    raise NotFound(f"There is no source {source_id}.")


ROUTES = (list_sources, create_source, show_source, rotate_key, revoke_key, revoke_source, set_limits)
