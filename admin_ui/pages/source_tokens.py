"""Customer tokens on a source's page: the mode, the public keys."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.pages.sources import show_sheet
from admin_ui.services import PageServices
from admin_ui.session import Allow
from admin_ui.token_views import fault_of
from backend.errors import BadInput, Conflict


@post("/data/sources/{source_id:int}/token-mode", opt={"allow": Allow.ADMINISTRATOR})
async def set_token_mode(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Choose what the source asks of events that name a customer."""
    mode = form.text("mode")
    try:
        await services.customer_tokens.set_mode(source_id, mode=mode, actor=page.administrator.email)
    except (BadInput, Conflict) as error:
        return await show_sheet(page, services, source_id, errors={"token_mode": fault_of(error, page.say)})
    return page.go(f"/data/sources/{source_id}", "saved")


@post("/data/sources/{source_id:int}/token-keys", opt={"allow": Allow.ADMINISTRATOR})
async def add_token_key(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Add a public key. A private one is refused and not shown again."""
    typed = {"public_key": form.text("public_key"), "kid": form.text("kid")}
    try:
        await services.customer_tokens.add_key(
            source_id, public_key=typed["public_key"], kid=typed["kid"] or None, actor=page.administrator.email
        )
    except (BadInput, Conflict) as error:
        if error.code == "private_key":
            typed["public_key"] = ""
        errors = {error.field or "public_key": fault_of(error, page.say)}
        return await show_sheet(page, services, source_id, errors=errors, typed=typed)
    return page.go(f"/data/sources/{source_id}", "saved")


@post("/data/sources/{source_id:int}/token-keys/retire", opt={"allow": Allow.ADMINISTRATOR})
async def retire_token_key(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    source_id: FromPath[int],
) -> Response[Any]:
    """Refuse tokens of a key from now on."""
    try:
        await services.customer_tokens.retire_key(source_id, kid=form.raw("kid"), actor=page.administrator.email)
    except Conflict as error:
        return await show_sheet(page, services, source_id, errors={"retire": fault_of(error, page.say)})
    return page.go(f"/data/sources/{source_id}", "saved")


ROUTES = (set_token_mode, add_token_key, retire_token_key)
