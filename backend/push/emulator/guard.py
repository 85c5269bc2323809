"""Keeps other people's web pages out of a server that listens on this machine.

A page on the internet may make a browser ask 127.0.0.1. Such a request carries that page's Origin, or reached us by a
name that is not ours (DNS rebinding): both are refused.
"""

from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler

_OWN = frozenset({"127.0.0.1", "localhost", "::1"})


def same_machine(connection: "ASGIConnection[object, object, object, State]", _: BaseRouteHandler) -> None:
    """Guard: only requests by a loopback name, from our own pages or from no page at all."""
    host = connection.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in _OWN:
        raise PermissionDeniedException("This server answers to 127.0.0.1 and localhost only.")
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise PermissionDeniedException("Requests of other sites' pages are refused.")
