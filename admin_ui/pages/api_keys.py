"""APIキー: which programs may read and steer, what each may do, and until when."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from backend.services.api_keys import EVERYTHING, SCOPES

NOUNS = {
    "customers": mark("Customers"),
    "devices": mark("Devices"),
    "events": mark("Events"),
    "consents": mark("Consents"),
    "segments": mark("Segments"),
    "campaigns": mark("Campaigns"),
    "coupons": mark("Coupons"),
    "ranks": mark("Rank rules"),
    "kpis": mark("KPIs"),
    "shop": mark("Shop settings"),
    "imports": mark("Imports"),
    "exports": mark("Exports"),
    "webhooks": mark("Webhooks"),
    "privacy": mark("Disclosure and erasure"),
    "metrics": mark("Metrics of the installation"),
}
VERBS = {"read": mark("Read"), "write": mark("Change"), "send": mark("Send")}
ENDS = {
    "30": mark("30 days"),
    "90": mark("90 days"),
    "365": mark("365 days"),
    "never": mark("Never"),
}
_PROBLEMS = {
    "bad_name": mark("A name has 1 to 100 characters."),
    "bad_scope": mark("Choose what the key may do."),
    "conflict": mark("There is already a key of this name."),
}


@get("/settings/api-keys", opt={"allow": Allow.ADMINISTRATOR})
async def list_api_keys(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Keys with what they may do and when they were last used."""
    return await _show(page, services)


@post("/settings/api-keys", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def create_api_key(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Make a key and show it, this once."""
    name, scopes, ends = form.text("name"), form.all("scope"), form.text("ends", "90")
    expires_at = None if ends == "never" else page.now + timedelta(days=int(ends) if ends in ENDS else 90)
    try:
        key = await services.api_keys.create(name, scopes=scopes, expires_at=expires_at, actor=page.administrator.email)
    except (BadInput, Conflict) as error:
        errors = {error.field or "name": page.say(_PROBLEMS[error.code])}
        return await _show(page, services, typed={"name": name, "scopes": scopes, "ends": ends}, errors=errors)
    return await _show(page, services, made=(name, key))


@post("/settings/api-keys/revoke", opt={"allow": Allow.ADMINISTRATOR})
async def revoke_api_key(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Refuse a key from now on."""
    await services.api_keys.revoke(form.text("name"), actor=page.administrator.email)
    return page.go("/settings/api-keys", "revoked")


async def _show(
    page: Page,
    services: PageServices,
    *,
    made: tuple[str, str] | None = None,
    typed: dict[str, Any] | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    return page.show(
        "settings/api_keys.html",
        status=422 if errors else 200,
        keys=[(key, allowed(key.scopes)) for key in await services.api_keys.list()],
        nouns=NOUNS,
        verbs=VERBS,
        known=SCOPES,
        everything=EVERYTHING,
        ends=ENDS,
        made=made,
        typed=typed or {"name": "", "scopes": [], "ends": "90"},
        errors=errors or {},
    )


def allowed(scopes: Collection[str]) -> list[tuple[str, list[str]]]:
    """What scopes allow in words not yet translated: each noun with its verbs."""
    found = [(label, [VERBS[verb] for verb in VERBS if f"{noun}:{verb}" in scopes]) for noun, label in NOUNS.items()]
    return [(label, verbs) for label, verbs in found if verbs]


ROUTES = (list_api_keys, create_api_key, revoke_api_key)
