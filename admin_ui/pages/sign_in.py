"""Signing in and out."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from admin_ui.forms import Form
from admin_ui.page import Page
from admin_ui.services import PageServices
from admin_ui.session import Allow, session_cookie
from backend.services.access.sessions import Refused, Throttled


@get("/sign-in", opt={"allow": Allow.ANYONE})
async def show_sign_in(page: NamedDependency[Page]) -> Response[Any]:
    """The sign-in form, or the page that was wanted where one is signed in already."""
    if page.session is not None:
        return page.go(_inside(page.query("next")))
    return _form(page, next_path=page.query("next"))


@post("/sign-in", opt={"allow": Allow.ANYONE})
async def sign_in(
    page: NamedDependency[Page],
    services: NamedDependency[PageServices],
    form: NamedDependency[Form],
    request: Request[Any, Any, Any],
) -> Response[Any]:
    """Begin a session, or say that address and password do not fit."""
    email, next_path = form.text("email"), form.text("next")
    network = request.client.host if request.client else ""
    try:
        token, _ = await services.access.sign_in(email=email, password=form.raw("password"), network=network)
    except Throttled:
        error = page.say("Too many attempts. Wait 15 minutes and try again.")
        return _form(page, email=email, next_path=next_path, error=error, status=429)
    except Refused:
        error = page.say("The address or the password is wrong.")
        return _form(page, email=email, next_path=next_path, error=error, status=401)
    if page.session is not None:
        await services.access.sign_out(page.session)
    answer = page.go(_inside(next_path))
    answer.set_cookie(session_cookie(request.route_handler.opt["public_url"], token))
    return answer


@post("/sign-out", opt={"allow": Allow.VIEWER})
async def sign_out(
    page: NamedDependency[Page], services: NamedDependency[PageServices], request: Request[Any, Any, Any]
) -> Response[Any]:
    """End the session."""
    if page.session is not None:
        await services.access.sign_out(page.session)
    answer = page.go("/sign-in", "signed_out")
    answer.set_cookie(session_cookie(request.route_handler.opt["public_url"], None))
    return answer


def _form(page: Page, *, email: str = "", next_path: str = "", error: str = "", status: int = 200) -> Response[Any]:
    return page.show("sign_in/form.html", status=status, email=email, next_path=_inside(next_path), error=error)


def _inside(path: str) -> str:
    """A path of our own, never another site: browsers read ``//elsewhere``, with either slash, as one."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain and not path.startswith("/sign-in") else "/"


ROUTES = (show_sign_in, sign_in, sign_out)
