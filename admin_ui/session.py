"""The door: who is asking, may they, and does the request come from one of our own pages.

Every route says in ``opt["allow"]`` who may use it; one that says nothing is refused. A change (anything but GET and
HEAD) must come from our own origin and carry the token that is bound to the session: in a header for htmx, in a
hidden field for plain forms. The sign-in form has no session yet, so there the origin alone decides.
"""

import hmac
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backend.services.access.accounts import Role
from backend.services.access.sessions import ABSOLUTE_LIMIT, Session

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data:; "
    "connect-src 'self'; "
    "form-action 'self'; "
    "frame-ancestors 'none'; "
    "base-uri 'none'; "
    "object-src 'none'"
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
"""Sent with every page; a page that names one of them itself keeps its own."""


class Allow(StrEnum):
    """Who may use a route, from everyone to the fewest."""

    ANYONE = "anyone"
    VIEWER = "viewer"
    MARKETER = "marketer"
    ADMINISTRATOR = "administrator"


_REACH = {
    Role.VIEWER: {Allow.ANYONE, Allow.VIEWER},
    Role.MARKETER: {Allow.ANYONE, Allow.VIEWER, Allow.MARKETER},
    Role.ADMINISTRATOR: set(Allow),
}


class SignInNeeded(Exception):
    """Nobody is signed in: the page leads to the sign-in form and back."""


class NotAllowed(Exception):
    """The role does not reach this route."""


class NotFromHere(Exception):
    """A change that does not come from one of our own pages, or from one of an older session."""


class Sessions(Protocol):
    """The part of the access service that the door needs."""

    async def session(self, token: str) -> Session | None:
        """The living session of a token."""
        ...


def may(role: Role, allow: Allow) -> bool:
    """Whether a role reaches what is allowed to ``allow``."""
    return allow in _REACH[role]


def cookie_name(public_url: str) -> str:
    """``__Host-`` where the browser reaches us by https; plain http on a loopback address cannot have it."""
    return "__Host-joren" if public_url.startswith("https://") else "joren_session"


def session_cookie(public_url: str, token: str | None) -> Cookie:
    """The cookie that carries a token, or, with None, takes it away."""
    return Cookie(
        key=cookie_name(public_url),
        value=token or "",
        path="/",
        max_age=0 if token is None else int(ABSOLUTE_LIMIT.total_seconds()),
        secure=public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def csrf_token(session: Session) -> str:
    """The token of a session's forms."""
    return hmac.digest(session.csrf_key, b"joren admin form", "sha256").hex()


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Looks the session of the cookie up: ``request.auth`` is it, or None."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, public_url: str) -> None:
        super().__init__(app)
        self._sessions = sessions
        self._cookie = cookie_name(public_url)

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The session of this connection."""
        token = connection.cookies.get(self._cookie)
        session = await self._sessions.session(token) if token else None
        return AuthenticationResult(user=session.administrator if session else None, auth=session)


class HeadersMiddleware:
    """Puts the security headers on every answer, errors included."""

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if public_url.startswith("https://"):
            self._headers["strict-transport-security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                more = [(k.encode(), v.encode()) for k, v in self._headers.items() if k.encode() not in present]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of all pages.

    Raises:
        SignInNeeded, NotAllowed, NotFromHere: see there.
    """
    allow = handler.opt.get("allow")
    if allow is None:
        raise NotAllowed
    changing = connection.scope["method"] not in _SAFE  # type: ignore[typeddict-item] # pages are HTTP only
    if changing and not _from_here(connection):
        raise NotFromHere
    if allow is Allow.ANYONE:
        return
    session: Session | None = connection.auth
    if session is None:
        raise SignInNeeded
    if not may(session.administrator.role, allow):
        raise NotAllowed
    if changing and not await _token_fits(connection, session):
        raise NotFromHere


def _from_here(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Browsers say where a request comes from: Sec-Fetch-Site, and Origin from those that do not."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == connection.headers.get("host", "")


async def _token_fits(connection: ASGIConnection[Any, Any, Any, Any], session: Session) -> bool:
    given = connection.headers.get(CSRF_HEADER)
    form = await connection.form() if given is None and isinstance(connection, Request) else None
    if form is not None:
        given = form.get(CSRF_FIELD)
    fits = isinstance(given, str) and hmac.compare_digest(given.encode(), csrf_token(session).encode())
    if form is not None and not fits:
        await form.close()  # files that came with it
    return fits
