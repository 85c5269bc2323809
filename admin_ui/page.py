"""One request's page: its language, its session, the shop's zone, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request
from litestar.response import Redirect, Template

from admin_ui.i18n import LANGUAGES, Say, mark, preferred
from admin_ui.session import csrf_token, may
from backend.services.access.accounts import Administrator
from backend.services.access.sessions import Session
from campaigns.shop import ShopSettings

THEMES = {"system": mark("Automatic"), "light": mark("Light"), "dark": mark("Dark")}
"""Themes and how they are called; ``system`` follows the machine."""
THEME_COOKIE = "joren_theme"

NOTICES: Mapping[str, str] = {
    "saved": mark("Saved."),
    "signed_out": mark("You are signed out."),
    "created": mark("Created."),
    "scheduled": mark("Scheduled."),
    "sending": mark("Sending has begun."),
    "nothing_waits": mark("No failed event of these waits any more."),
    "waiting": mark("Waiting for a second person's approval."),
    "approved": mark("Approved."),
    "sent_back": mark("Sent back with your comment."),
    "passed_over": mark("Passed over. The other launches go on."),
    "drafted": mark("A draft was made. Read it, change it as you like, then save it."),
    "copied": mark("Copied as a new draft."),
    "restored": mark("Back on the list."),
    "paused": mark("Paused."),
    "resumed": mark("Resumed."),
    "retried": mark("They go on with the step that failed."),
    "cancelled": mark("Cancelled."),
    "erasing": mark("The erasure has begun. It takes a few seconds."),
    "revoked": mark("Revoked."),
    "removed": mark("Removed."),
    "archived": mark("Archived."),
    "issuing": mark("It is being given out. This takes a few seconds."),
    "ordered": mark("Ordered. The file is ready in a moment; this page follows."),
    "resent": mark("On its way again."),
    "password_changed": mark("Password changed. Your other sessions have ended."),
}
"""What a page may say after a redirect, by the code in its address."""


ROLE_NAMES: Mapping[str, str] = {
    "administrator": mark("Administrator"),
    "marketer": mark("Marketer"),
    "viewer": mark("Viewer"),
}
"""How the roles are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What every page says about the shop."""

    name: str = "Joren"
    zone: str = "Asia/Tokyo"
    currency: str = "JPY"
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything a handler needs beside the services."""

    request: Request[Any, Any, Any]
    say: Say
    now: datetime
    shop: Shop

    @property
    def session(self) -> Session | None:
        """Who is signed in, if anyone."""
        found: Session | None = self.request.auth
        return found

    @property
    def administrator(self) -> Administrator:
        """Who is signed in; only on routes that need it."""
        if self.session is None:
            raise LookupError("nobody is signed in on this route")
        return self.session.administrator

    @property
    def fragment(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def show(self, template: str, *, status: int = 200, **context: Any) -> Template:
        """Render a template of ``templates/admin``."""
        return Template(f"admin/{template}", context={**self._frame(), **context}, status_code=status)

    def go(self, path: str, notice: str | None = None, **query: str) -> Redirect:
        """Lead on after a change; ``notice`` is one of `NOTICES`."""
        fields = {**query, **({"notice": notice} if notice else {})}
        return Redirect(f"{path}?{urlencode(fields)}" if fields else path, status_code=303)

    def query(self, name: str, default: str = "") -> str:
        """One value of the address."""
        return str(self.request.query_params.get(name, default))

    def number(self, name: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """One whole number of the address, the default for anything else."""
        text = self.query(name)
        return min(max(int(text), least), most) if text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004 - fits 32 bits

    def day(self, name: str) -> date | None:
        """One day of the address, None for anything else."""
        try:
            return date.fromisoformat(self.query(name))
        except ValueError:
            return None

    def _frame(self) -> dict[str, Any]:
        session = self.session
        return {
            "say": self.say,
            "language": self.say.language,
            "languages": LANGUAGES,
            "now": self.now,
            "shop": self.shop,
            "administrator": session.administrator if session else None,
            "may": lambda allow: session is not None and may(session.administrator.role, allow),
            "csrf": csrf_token(session) if session else "",
            "theme": theme_of(self.request),
            "themes": THEMES,
            "role_name": ROLE_NAMES.get(session.administrator.role, "") if session else "",
            "path": self.request.url.path,
            "notice": NOTICES.get(self.query("notice")),
        }


def shop_line(settings: ShopSettings, language: str) -> Shop:
    """What every page says about a shop with these settings."""
    return Shop(
        name=settings.name(language),
        zone=settings.zone,
        currency=settings.currency,
        simulated=settings.simulated,
    )


def theme_of(request: Request[Any, Any, Any]) -> str:
    """The chosen theme; ``system`` follows the machine."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


def language_of(request: Request[Any, Any, Any]) -> str:
    """The administrator's language; before sign-in the one asked for in the address, then the browser's."""
    session: Session | None = request.scope.get("auth")
    if session is not None:
        return session.administrator.language
    asked = request.query_params.get("language")
    return asked if asked in LANGUAGES else preferred(request.headers.get("accept-language", ""))
