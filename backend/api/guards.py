"""Who asks: write keys of sources, and keys of server programs that read and steer."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from backend.errors import Forbidden, Unavailable
from backend.services.api_keys import SCOPES, ApiCaller, ApiKeys
from backend.services.sources import Source, Sources

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CALLER = "api_caller"


async def admit_source(sources: Sources, *, authorization: str, body_key: str | None) -> Source:
    """The source that a call comes from: the user of Basic authentication, or ``writeKey`` in the body.

    Never the query string: those end in logs.

    Raises:
        NotAuthorizedException: no key, an unknown or revoked one, or two that differ.
        Unavailable: the database cannot say.
    """
    basic_key = read_basic_user(authorization)
    if basic_key and body_key and basic_key != body_key:
        raise NotAuthorizedException(detail="The write keys of header and body differ.")
    key = basic_key or body_key
    if key is None:
        raise NotAuthorizedException(detail="Send the write key as the user of Basic authentication or as writeKey.")
    source = await sources.identify(key)
    if source is None:
        raise NotAuthorizedException(detail="The write key is unknown or was revoked.")
    return source


def read_basic_user(authorization: str) -> str | None:
    """The user of a Basic header, with or without a colon behind it; None for any other header."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NotAuthorizedException(detail="The Basic header cannot be read.") from None
    return text.partition(":")[0] or None


@dataclass(frozen=True, slots=True)
class Scoped:
    """Guard: ``Authorization: Bearer`` with an API key that has the scope. The key is then `caller_of` the request."""

    scope: str

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Let the request in.

        Raises:
            NotAuthorizedException: no key, or one that is unknown, revoked or expired.
            Forbidden: a key without the scope.
        """
        caller = await admit_caller(connection)
        if caller is None:
            raise NotAuthorizedException(detail="Send an API key as Authorization: Bearer.")
        if not caller.may(self.scope):
            raise Forbidden(f"This key lacks the scope {self.scope}.", code="scope_missing")


def requires(scope: str) -> Scoped:
    """The guard of a route of /api/v1: what a key must be allowed to use it. A test holds that every route has one."""
    if scope not in SCOPES:
        raise ValueError(f"There is no scope {scope}: see backend.services.api_keys.SCOPES.")
    return Scoped(scope)


def scope_of(handler: BaseRouteHandler) -> str | None:
    """The scope that a route asks for; None where it asks for none."""
    return next((guard.scope for guard in handler.resolve_guards() if isinstance(guard, Scoped)), None)


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> ApiCaller:
    """The API key of a request that a guard of `requires` let in."""
    caller: ApiCaller = connection.scope["state"][_CALLER]
    return caller


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """How the audit log calls the API key of a request."""
    return f"API key {caller_of(connection).name}"


async def admit_caller(connection: ASGIConnection[Any, Any, Any, Any]) -> ApiCaller | None:
    """The API key that a request shows; None without one that is in force. Asked again it remembers."""
    state: dict[str, Any] = connection.scope["state"]
    if _CALLER not in state:
        scheme, _sep, key = connection.headers.get("authorization", "").partition(" ")
        api_keys: ApiKeys = connection.app.state.services.api_keys
        state[_CALLER] = await api_keys.admit(key.strip()) if scheme.lower() == "bearer" else None
    caller: ApiCaller | None = state[_CALLER]
    return caller


_METRICS = requires("metrics:read")


async def require_operator(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard for figures about the installation: this machine itself, or an API key with the scope metrics:read.

    Raises:
        PermissionDeniedException: neither.
    """
    forwarded = "x-forwarded-for" in connection.headers or "forwarded" in connection.headers
    if connection.client is not None and connection.client.host in _LOOPBACK and not forwarded:
        return
    try:
        await _METRICS(connection, handler)
    except (NotAuthorizedException, Forbidden, Unavailable):
        raise PermissionDeniedException(detail="Only for this machine or with an API key of metrics:read.") from None
