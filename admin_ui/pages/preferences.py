"""What each person chooses for himself, from the header: language and light or dark."""

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from admin_ui.forms import Form
from admin_ui.page import THEME_COOKIE, THEMES, Page
from admin_ui.services import PageServices
from admin_ui.session import Allow
from backend.errors import NotFound


@post("/preferences/language", opt={"allow": Allow.VIEWER})
async def choose_language(
    page: NamedDependency[Page], services: NamedDependency[PageServices], form: NamedDependency[Form]
) -> Response[Any]:
    """Choose the language of one's pages, and stay where one is."""
    await services.access.set_language(page.administrator.admin_id, language=form.text("language"))
    return page.go(_back(page))


@post("/preferences/theme", opt={"allow": Allow.ANYONE})
async def choose_theme(page: NamedDependency[Page], form: NamedDependency[Form]) -> Response[Any]:
    """Choose light, dark, or as the machine has it."""
    theme = form.text("theme")
    answer = page.go(_back(page))
    if theme in THEMES:
        answer.set_cookie(
            Cookie(key=THEME_COOKIE, value=theme, path="/", max_age=31_536_000, httponly=True, samesite="lax")
        )
    return answer


@get("/{rest:path}", opt={"allow": Allow.ANYONE})
async def nothing_here() -> Response[Any]:
    """Every address that no page has."""
    raise NotFound("No page has this address.")


def _back(page: Page) -> str:
    """The page the form was on, as the browser tells it."""
    referer = page.request.headers.get("referer", "")
    _, found, rest = referer.partition(f"://{page.request.headers.get('host', '')}/")
    return f"/{rest}" if found and not rest.startswith(("/", "\\")) else "/"


ROUTES = (choose_language, choose_theme, nothing_here)
