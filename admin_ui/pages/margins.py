"""設定 → 粗利率: what share of net sales is gross margin, by product category and for the rest, version by version."""

from datetime import date
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from backend.services.margins import LONGEST, MOST, Stored
from segments.metrics.margin_rates import read_percent, read_rate, write_percent

FIELDS = ("default", "categories", "valid_from")
BAD_DEFAULT = mark("Write a percentage from 0 to 100 with at most two decimals, or nothing.")
BAD_DAY = mark("Write a day from 1990 to a year from now.")
BAD_LINE = mark("Line %(n)s: write a category and its percentage, like %(example)s.")
TWICE = mark("%(name)s stands there twice.")
TOO_MANY = mark("At most %(most)s categories, with names of at most %(longest)s characters.")


@get("/settings/margins", opt={"allow": Allow.VIEWER})
async def show_margins(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The rates in force, and every version."""
    return await _show(page, services)


@post("/settings/margins", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def add_margins(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Add a version that names all rates."""
    errors: Errors = {}
    default = _default(page, form, errors)
    rates = _rates(page, form, errors)
    begins = _day(page, form, errors)
    if not errors:
        actor = page.administrator.email
        try:
            await services.margins.add(default=default, categories=rates, valid_from=begins, actor=actor)
        except BadInput as error:
            late = error.field == "valid_from"
            sentence = page.say(BAD_DAY) if late else page.say(TOO_MANY, most=MOST, longest=LONGEST)
            errors["valid_from" if late else "categories"] = sentence
    if errors:
        return await _show(page, services, typed={name: form.raw(name) for name in FIELDS}, errors=errors)
    return page.go("/settings/margins", "saved")


def _default(page: Page, form: Form, errors: Errors) -> int | None:
    try:
        return read_percent(form.text("default")) if form.text("default") else None
    except ValueError:
        errors["default"] = page.say(BAD_DEFAULT)
    return None


def _rates(page: Page, form: Form, errors: Errors) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(form.raw("categories").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            name, rate = read_rate(line)
        except ValueError:
            errors["categories"] = page.say(BAD_LINE, n=number, example=page.say("Tea 62.5"))
            break
        if name in found:
            errors["categories"] = page.say(TWICE, name=name)
        found[name] = rate
    return found


def _day(page: Page, form: Form, errors: Errors) -> date | None:
    try:
        return date.fromisoformat(form.text("valid_from")) if form.text("valid_from") else None
    except ValueError:
        errors["valid_from"] = page.say(BAD_DAY)
    return None


async def _show(
    page: Page, services: PageServices, *, typed: dict[str, str] | None = None, errors: Errors | None = None
) -> Response[Any]:
    held = await services.margins.in_force()
    return page.show(
        "settings/margins.html",
        status=422 if errors else 200,
        versions=(await services.margins.versions())[::-1],
        held=held,
        percent=write_percent,
        typed=typed or _as_text(held),
        errors=errors or {},
    )


def _as_text(held: Stored | None) -> dict[str, str]:
    """The rates in force as one would type them, so that a new version begins with them."""
    if held is None:
        return dict.fromkeys(FIELDS, "")
    rates = held.rates
    lines = [f"{name} {write_percent(rate)}" for name, rate in rates.categories]
    default = "" if rates.default is None else write_percent(rates.default)
    return {"default": default, "categories": "\n".join(lines), "valid_from": ""}


ROUTES = (show_margins, add_margins)
