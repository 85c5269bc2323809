"""Turns failures into answers: always JSON with the texts ``code`` and ``message``, which the SDKs read.

Without these two fields one SDK retries for ever what it should drop. "Try again" is 503 with whole seconds.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from backend.errors import BadInput, Conflict, Forbidden, JorenError, NotConfigured, NotFound, TooMany, Unavailable
from backend.services.idempotency import Reused
from segments.errors import FactsError

RETRY_AFTER = {"Retry-After": "5"}
"""Seconds; whole ones, several clients read nothing else."""

_log = structlog.get_logger(__name__)

_STATUS: dict[type[JorenError], HTTPStatus] = {
    Reused: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotConfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}


def verdict_of(error: HTTPException | BadInput) -> tuple[int, str, str]:
    """Status, code and message of a refusal for good."""
    if isinstance(error, BadInput):
        return HTTPStatus.BAD_REQUEST, error.code, error.message
    return error.status_code, _CODES.get(error.status_code, "error"), error.detail


class Problem(Response[dict[str, str]]):
    """An answer that says what went wrong."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        content = {"code": code, "message": message} | ({"field": field} if field else {})
        super().__init__(content, status_code=status, headers=headers, media_type="application/json")


def refuse(_: Request[Any, Any, Any], error: JorenError) -> Problem:
    """A failure of the shell that a person can do something about."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    headers = RETRY_AFTER if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    if isinstance(error, TooMany):
        headers = {"Retry-After": str(error.retry_after)}
    return Problem(status, error.code, error.message, headers=headers, field=error.field)


def refuse_facts(_: Request[Any, Any, Any], error: FactsError) -> Problem:
    """A question the core cannot answer: a bad rule, an unknown KPI."""
    return Problem(HTTPStatus.BAD_REQUEST, "bad_input", str(error))


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    """What the framework refuses: no such path, wrong method, too large."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return fail(request, error)
    field, message = _what_does_not_fit(error)
    return Problem(status, _CODES.get(status, "error"), message, headers=error.headers, field=field)


def _what_does_not_fit(error: HTTPException) -> tuple[str | None, str]:
    """The first value that is not of its kind, with what is expected; for other refusals the framework's own words."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else None
    if not isinstance(first, dict) or "message" not in first:
        return None, error.detail
    field = first.get("key")
    return field, f"{field}: {first['message']}" if field else str(first["message"])


def refuse_value(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """A value that PostgreSQL cannot hold: a number beyond all bounds, a text with a NUL."""
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError):
        return fail(request, error)
    _log.warning("value_refused", route=request.scope.get("path_template"), error=str(error))
    message = "A value of the request cannot be kept: a number is too large, or a text holds a character that none can."
    return Problem(HTTPStatus.BAD_REQUEST, "bad_value", message)


def fail(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """A fault of ours: logged in full, told without detail. Clients may try again."""
    _log.error("request_failed", route=request.scope.get("path_template"), exc_info=error)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Problem(status, "internal", "Something went wrong on our side. Try again later.", headers=RETRY_AFTER)


HANDLERS: ExceptionHandlersMap = {
    JorenError: refuse,
    FactsError: refuse_facts,
    HTTPException: refuse_http,
    asyncpg.DataError: refuse_value,
    asyncpg.InterfaceError: refuse_value,
    Exception: fail,
}
"""For `Litestar(exception_handlers=...)`."""
