"""What a person sees when something goes wrong: what happened, what was kept, what to do."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from admin_ui.error_words import in_words
from admin_ui.i18n import Say, mark
from admin_ui.page import Page, Shop, language_of
from admin_ui.session import NotAllowed, NotFromHere, SignInNeeded
from backend.clock import Clock
from backend.errors import BadInput, Conflict, Forbidden, JorenError, NotFound, Unavailable
from segments.errors import FactsError

Handlers: TypeAlias = dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble: status, heading, and what to do."""

    status: int
    heading: str
    advice: str


NOT_FOUND = Fault(404, mark("This page does not exist"), mark("The address may be old. Nothing was changed."))
NOT_ALLOWED = Fault(
    403, mark("Your role may not do this"), mark("Nothing was changed. Ask an administrator for another role.")
)
NOT_FROM_HERE = Fault(
    403, mark("This form is too old"), mark("Nothing was changed. Go back, reload the page and send it again.")
)
BAD = Fault(400, mark("This cannot be taken"), mark("Nothing was changed. Go back and correct it."))
CONFLICT = Fault(
    409, mark("This is not possible now"), mark("Nothing was changed. Reload the page to see how things stand.")
)
AWAY = Fault(503, mark("The database does not answer"), mark("What was stored is kept. Try again in a minute."))
BROKEN = Fault(
    500,
    mark("Something broke on our side"),
    mark("What was stored is kept. Try again; if it stays, quote the number below."),
)

_FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (NotAllowed, NOT_ALLOWED),
    (NotFromHere, NOT_FROM_HERE),
    (NotFound, NOT_FOUND),
    (Forbidden, NOT_ALLOWED),
    (Conflict, CONFLICT),
    (BadInput, BAD),
    (FactsError, BAD),
    (Unavailable, AWAY),
    (asyncpg.PostgresConnectionError, AWAY),
    (asyncpg.InterfaceError, AWAY),
    (OSError, AWAY),
    (JorenError, BAD),
)


def handlers(clock: Clock) -> Handlers:
    """Exception handlers of the pages."""

    def broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        return answer(_page(request, clock), error)

    def away(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
        return to_sign_in(request)

    found: Handlers = {}
    for kind, _ in _FAULTS:  # each by name, or the application's own handler of that kind would come first
        found[kind] = broken
    found[HTTPException] = found[Exception] = broken
    found[SignInNeeded] = away
    return found


def to_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """Lead to the sign-in form and back; a fragment tells htmx to leave the page."""
    fragment = request.headers.get("hx-request") == "true"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = wanted if request.method == "GET" and not fragment else "/"
    path = f"/sign-in?next={quote(back, safe='/')}" if back != "/" else "/sign-in"
    if fragment:
        return Response("", status_code=401, headers={"HX-Redirect": path}, media_type="text/html")
    return Redirect(path, status_code=303)


def answer(page: Page, error: Exception) -> Response[Any]:
    """The page, or the fragment, that tells of an error."""
    fault, reference = _classify(error), ""
    if fault is BROKEN:
        reference = secrets.token_hex(4)
        log.error("page_broke", reference=reference, path=page.request.url.path, exc_info=error)
    detail = _detail(error, page.say)
    template = "_parts/fault.html" if page.fragment else "fault/detail.html"
    return page.show(template, status=fault.status, fault=fault, detail=detail, reference=reference)


def _detail(error: Exception, say: Say) -> str:
    """What the error itself says; rules and figures only in the language that they speak."""
    if isinstance(error, JorenError):
        return in_words(error, say)
    return str(error) if isinstance(error, FactsError) and say.language == "en" else ""


def _classify(error: Exception) -> Fault:
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            return fault
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - our own faults begin at 500
        return NOT_FOUND if error.status_code == 404 else BAD  # noqa: PLR2004 - not found
    return BROKEN


def _page(request: Request[Any, Any, Any], clock: Clock) -> Page:
    request.scope.setdefault("auth", None)
    return Page(request=request, say=Say(language_of(request)), now=clock.now(), shop=Shop())
