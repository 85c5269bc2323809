"""設定: what the shop decided, who may sign in, and one's own account."""

import dataclasses
from datetime import date, time
from typing import Any

from babel.dates import format_skeleton
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.error_words import in_words
from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import ROLE_NAMES, Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput, Conflict
from backend.services.access.accounts import Created
from campaigns.shop import ShopSettings, problems
from campaigns.terms import ConsentRule
from segments.calendar import END_OF_MONTH, MONTHS

ZONES = ("Asia/Tokyo", "Asia/Seoul", "Asia/Singapore", "Europe/London", "America/New_York", "UTC")
CURRENCIES = ("JPY", "USD", "EUR", "GBP", "KRW", "SGD")

_PROBLEMS = {
    "name_ja": mark("A name has 1 to 60 characters."),
    "name_en": mark("A name has 1 to 60 characters."),
    "zone": mark("Choose a time zone."),
    "day_starts": mark("Choose an hour from 0 to 12."),
    "week_starts": mark("Choose a day of the week."),
    "fiscal_starts": mark("Choose a month from 1 to 12."),
    "closing_day": mark("Choose a day from 1 to 31; 31 is the end of the month."),
    "currency": mark("Choose a currency."),
    "quiet_from": mark("Enter a time like 21:00."),
    "quiet_until": mark("Enter a time like 08:00."),
    "cap_24h": mark("Choose a whole number from 0 to 20."),
    "cap_7d": mark("Choose a whole number from 0 to 50, not below the limit for 24 hours."),
    "approval_above": mark("Enter a number of people; 0 for never."),
    "global_holdout_percent": mark("Choose a share from 0 to 50 %%."),
}

REFUSALS = {
    "email_taken": mark("This address already has an account."),
    "bad_email": mark("This is not a mail address."),
    "bad_name": mark("A name has 1 to 100 characters."),
    "password_short": mark("Use at least 12 characters."),
    "password_long": mark("Use at most 256 characters."),
    "password_common": mark("This password is guessed first. Choose another."),
    "wrong_password": mark("The current password is wrong."),
    "last_administrator": mark("This is the last administrator. Make another one first."),
    "fixed_by_history": mark("Stored events are already counted by this setting, so it cannot change any more."),
}


@get("/settings", opt={"allow": Allow.VIEWER})
async def show_settings(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """The shop's settings; only an administrator can change them."""
    return _shop(page, await services.shop.get(), {})


@post("/settings", opt={"allow": Allow.ADMINISTRATOR})
async def save_settings(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Keep changed settings."""
    settings, errors = _typed(form, await services.shop.get())
    errors |= {field: page.say(_PROBLEMS.get(field, sentence)) for field, sentence in problems(settings).items()}
    if not errors:
        try:
            await services.shop.save(settings, actor=page.administrator.email)
            return page.go("/settings", "saved")
        except (BadInput, Conflict) as error:
            errors = {error.field or "form": refusal(page, error)}
    return _shop(page, settings, {field: page.say(text) for field, text in errors.items()})


@get("/settings/administrators", opt={"allow": Allow.ADMINISTRATOR})
async def list_administrators(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Who may sign in."""
    return await _administrators(page, services)


@post("/settings/administrators", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def create_administrator(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Add a person; the generated password is shown this once."""
    typed = {name: form.text(name) for name in ("email", "name", "role", "language")}
    try:
        created = await services.access.create(**typed, actor=page.administrator.email)
    except (BadInput, Conflict) as error:
        return await _administrators(page, services, typed=typed, errors={error.field or "form": refusal(page, error)})
    return await _administrators(page, services, created=created)


@post("/settings/administrators/{admin_id:int}/role", opt={"allow": Allow.ADMINISTRATOR})
async def set_role(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    admin_id: FromPath[int],
) -> Response[Any]:
    """Give a person another role."""
    try:
        await services.access.set_role(admin_id, role=form.text("role"), actor=page.administrator.email)
    except Conflict as error:
        return await _administrators(page, services, errors={"form": refusal(page, error)})
    return page.go("/settings/administrators", "saved")


@post("/settings/administrators/{admin_id:int}/disabled", opt={"allow": Allow.ADMINISTRATOR})
async def set_disabled(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    admin_id: FromPath[int],
) -> Response[Any]:
    """Let a person in no longer, or again."""
    try:
        await services.access.set_disabled(admin_id, disabled=form.flag("disabled"), actor=page.administrator.email)
    except Conflict as error:
        return await _administrators(page, services, errors={"form": refusal(page, error)})
    return page.go("/settings/administrators", "saved")


@get("/settings/account", opt={"allow": Allow.VIEWER})
async def show_account(page: NamedDependency[Page]) -> Response[Any]:
    """One's own account."""
    return page.show("settings/account.html", errors={})


@post("/settings/account/password", opt={"allow": Allow.VIEWER})
async def change_password(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Change one's own password."""
    session = page.session
    try:
        if session is not None:
            current, new = form.raw("current"), form.raw("password")
            await services.access.change_password(session, current=current, new=new)
    except BadInput as error:
        errors = {error.field or "form": refusal(page, error)}
        return page.show("settings/account.html", status=422, errors=errors)
    return page.go("/settings/account", "password_changed")


def refusal(page: Page, error: BadInput | Conflict) -> str:
    """A refusal of the shell in the page's language."""
    return page.say(REFUSALS[error.code]) if error.code in REFUSALS else in_words(error, page.say)


def _typed(form: Form, before: ShopSettings) -> tuple[ShopSettings, Errors]:
    """The settings of a form; a field that cannot be read keeps its value and gets an error."""
    errors: Errors = {}
    changes: dict[str, Any] = {
        "name_ja": form.text("name_ja"),
        "name_en": form.text("name_en"),
        "zone": form.text("zone"),
        "currency": form.text("currency"),
        "mark_holidays": form.flag("mark_holidays"),
        "exclude_test_accounts": form.flag("exclude_test_accounts"),
        "history_complete": form.flag("history_complete"),
    }
    share = form.fraction("global_holdout_percent")
    changes["global_holdout_percent"] = before.global_holdout_percent if share is None else share
    if share is None and "global_holdout_percent" in form:
        errors["global_holdout_percent"] = _PROBLEMS["global_holdout_percent"]
    for field in ("day_starts", "week_starts", "fiscal_starts", "closing_day", "cap_24h", "cap_7d", "approval_above"):
        number = form.whole(field)
        changes[field] = getattr(before, field) if number is None else number
        if number is None and (field in form or field != "approval_above"):
            errors[field] = _PROBLEMS[field]
    for field in ("quiet_from", "quiet_until"):
        try:
            changes[field] = time.fromisoformat(form.text(field))
        except ValueError:
            errors[field] = _PROBLEMS[field]
    if form.text("consent_rule") in list(ConsentRule):
        changes["consent_rule"] = ConsentRule(form.text("consent_rule"))
    return dataclasses.replace(before, **changes), errors


def _shop(page: Page, settings: ShopSettings, errors: Errors) -> Response[Any]:
    return page.show(
        "settings/shop.html",
        status=422 if errors else 200,
        settings=settings,
        errors=errors,
        zones={zone: zone for zone in (settings.zone, *ZONES)},
        currencies={code: code for code in (settings.currency, *CURRENCIES)},
        months=[(number, _month(number, page)) for number in range(1, MONTHS + 1)],
        closing_days=[(number, _closing_day(number, page)) for number in range(1, END_OF_MONTH + 1)],
    )


def _month(number: int, page: Page) -> str:
    return format_skeleton("MMM", date(2000, number, 1), locale=page.say.language)


def _closing_day(number: int, page: Page) -> str:
    return page.say("the end of the month") if number == END_OF_MONTH else page.say("day %(n)s", n=number)


async def _administrators(
    page: Page,
    services: PageServices,
    *,
    created: Created | None = None,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    return page.show(
        "settings/administrators.html",
        status=422 if errors else 200,
        administrators=await services.access.administrators(),
        roles=ROLE_NAMES,
        created=created,
        typed=typed or {"email": "", "name": "", "role": "marketer", "language": page.say.language},
        errors=errors or {},
    )


ROUTES = (
    show_settings,
    save_settings,
    list_administrators,
    create_administrator,
    set_role,
    set_disabled,
    show_account,
    change_password,
)
