"""データ → Webhook通知: endpoints that are told what happens, their secrets, and the delivery log."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from admin_ui.error_words import WORDS, in_words
from admin_ui.forms import Errors, Form
from admin_ui.i18n import mark
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import BadInput
from campaigns.notices import CHOICES, NoticeType

PAGE = 50

TYPES = {
    NoticeType.CAMPAIGN_STATE: mark("A campaign's state changed"),
    NoticeType.LAUNCH_WAITING: mark("A launch waits for approval"),
    NoticeType.CAMPAIGN_WINNER: mark("The winner of a test was decided"),
    NoticeType.EXPORT_FINISHED: mark("An export ended"),
    NoticeType.IMPORT_FINISHED: mark("An import ended"),
    NoticeType.EVENTS_FAILED: mark("Events could not be taken in"),
    NoticeType.CUSTOMER_MERGED: mark("Two members turned out to be one"),
    NoticeType.CUSTOMER_ERASED: mark("A member was erased"),
    NoticeType.JOURNEY_STEP: mark("A member came to a step of a journey"),
    NoticeType.PING: mark("Test message"),
}

STATES = {
    "waiting": (mark("waiting"), "busy"),
    "delivered": (mark("taken"), "good"),
    "dead": (mark("given up"), "danger"),
}

REASONS = {
    "person": mark("Disabled by a person."),
    "failing": mark("Disabled: it took nothing for three days. Look at its log, mend it, enable it again."),
    "gone": mark("Disabled: it answered that it is gone for good (410)."),
}

ERRORS = {
    "refused_address": mark("The name leads into a private network, so it was not called."),
    "unknown_host": mark("The name leads nowhere."),
    "bad_url": mark("This address may not be called."),
    "no_connection": mark("Nobody answers there."),
    "bad_certificate": mark("The certificate is not this server's, or nobody vouches for it."),
    "timeout": mark("No answer within five seconds."),
    "too_large": mark("The answer is longer than a megabyte."),
    "broken": mark("The connection broke before an answer came."),
}


@get("/data/webhooks", opt={"allow": Allow.ADMINISTRATOR})
async def list_webhooks(page: NamedDependency[Page], services: NamedDependency[PageServices]) -> Response[Any]:
    """Endpoints, the form for another one, and the delivery log."""
    return await _show(page, services)


@post("/data/webhooks", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def add_webhook(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Register an endpoint and show its secret, this once."""
    try:
        endpoint, secret = await services.webhooks.add(
            form.text("url"),
            types=form.all("types"),
            description=form.text("description"),
            by=page.administrator.email,
        )
    except BadInput as error:
        return await _show(page, services, typed=form, errors={error.field or "url": _problem(page, error)})
    return await _show(page, services, made=(endpoint.url, secret))


@post("/data/webhooks/{endpoint_id:int}/secret", opt={"allow": Allow.ADMINISTRATOR}, status_code=200)
async def rotate_secret(
    page: NamedDependency[Page], services: NamedDependency[PageServices], endpoint_id: FromPath[int]
) -> Response[Any]:
    """A new secret, shown this once."""
    secret = await services.webhooks.rotate(endpoint_id, by=page.administrator.email)
    return await _show(page, services, made=((await services.webhooks.get(endpoint_id)).url, secret))


@post("/data/webhooks/{endpoint_id:int}/disabled", opt={"allow": Allow.ADMINISTRATOR})
async def set_disabled(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    endpoint_id: FromPath[int],
) -> Response[Any]:
    """Send to an endpoint no longer, or again."""
    await services.webhooks.set_disabled(endpoint_id, disabled=form.flag("disabled"), by=page.administrator.email)
    return page.go("/data/webhooks", "saved")


@post("/data/webhooks/{endpoint_id:int}/ping", opt={"allow": Allow.ADMINISTRATOR})
async def ping_webhook(
    page: NamedDependency[Page], services: NamedDependency[PageServices], endpoint_id: FromPath[int]
) -> Response[Any]:
    """Send a test message and show what comes of it."""
    number = await services.webhooks.ping(endpoint_id, by=page.administrator.email)
    return page.go(f"/data/webhooks/deliveries/{number}")


@post("/data/webhooks/{endpoint_id:int}/remove", opt={"allow": Allow.ADMINISTRATOR})
async def remove_webhook(
    page: NamedDependency[Page], services: NamedDependency[PageServices], endpoint_id: FromPath[int]
) -> Response[Any]:
    """Forget an endpoint and what was sent to it."""
    await services.webhooks.remove(endpoint_id, by=page.administrator.email)
    return page.go("/data/webhooks", "removed")


@get("/data/webhooks/deliveries/{delivery_id:int}", opt={"allow": Allow.ADMINISTRATOR})
async def show_delivery(
    page: NamedDependency[Page], services: NamedDependency[PageServices], delivery_id: FromPath[int]
) -> Response[Any]:
    """One delivery: what is sent, and what each attempt met."""
    found = await services.webhooks.delivery(delivery_id)
    template = "data/_delivery.html" if page.fragment else "data/delivery.html"
    return page.show(template, found=found, types=TYPES, states=STATES, reasons=ERRORS)


@post("/data/webhooks/deliveries/{delivery_id:int}/resend", opt={"allow": Allow.ADMINISTRATOR})
async def resend(
    page: NamedDependency[Page], services: NamedDependency[PageServices], delivery_id: FromPath[int]
) -> Response[Any]:
    """Send a message again."""
    await services.webhooks.resend(delivery_id, by=page.administrator.email)
    return page.go(f"/data/webhooks/deliveries/{delivery_id}", "resent")


async def _show(
    page: Page,
    services: PageServices,
    *,
    made: tuple[str, str] | None = None,
    typed: Form | None = None,
    errors: Errors | None = None,
) -> Response[Any]:
    state = page.query("state") if page.query("state") in STATES else None
    endpoint = page.number("endpoint", 0, least=0) or None
    before = page.number("before", 0, least=0, most=2**31 - 1) or None
    log = await services.webhooks.deliveries(endpoint_id=endpoint, before=before, state=state, limit=PAGE + 1)
    return page.show(
        "data/webhooks.html",
        status=422 if errors else 200,
        endpoints=await services.webhooks.list(),
        log=log[:PAGE],
        following=log[PAGE - 1].delivery_id if len(log) > PAGE else None,
        state=state,
        endpoint=endpoint,
        made=made,
        typed=typed or Form(),
        errors=errors or {},
        types=TYPES,
        choices=CHOICES,
        states=STATES,
        disabled=REASONS,
        reasons=ERRORS,
    )


def _problem(page: Page, error: BadInput) -> str:
    return page.say(WORDS[error.code]) if error.code in WORDS else in_words(error, page.say)


ROUTES = (
    list_webhooks,
    add_webhook,
    rotate_secret,
    set_disabled,
    ping_webhook,
    remove_webhook,
    show_delivery,
    resend,
)
