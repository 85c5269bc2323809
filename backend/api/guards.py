"""Who asks: write keys of sources, and keys of server programs that read and steer."""

import base64
import binascii
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from backend.errors import Unavailable
from backend.services.api_keys import ApiKeys
from backend.services.sources import Source, Sources

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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


async def require_api_key(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard for the reading and steering API: ``Authorization: Bearer`` with an API key.

    Raises:
        NotAuthorizedException: none, or an unknown or revoked one.
    """
    scheme, _sep, key = connection.headers.get("authorization", "").partition(" ")
    api_keys: ApiKeys = connection.app.state.services.api_keys
    if scheme.lower() != "bearer" or not await api_keys.admit(key.strip()):
        raise NotAuthorizedException(detail="Send an API key as Authorization: Bearer.")


async def require_operator(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard for figures about the installation: this machine itself, or an API key.

    Raises:
        PermissionDeniedException: neither.
    """
    forwarded = "x-forwarded-for" in connection.headers or "forwarded" in connection.headers
    if connection.client is not None and connection.client.host in _LOOPBACK and not forwarded:
        return
    try:
        await require_api_key(connection, handler)
    except (NotAuthorizedException, Unavailable):
        raise PermissionDeniedException(detail="Only for this machine or with an API key.") from None
