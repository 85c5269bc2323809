"""The OpenAPI description, with what holds for every route of /api/v1: key and scope, Idempotency-Key, refusals."""

from collections.abc import Iterator
from datetime import time
from typing import Any

from litestar import Litestar, Request
from litestar._openapi.schema_generation import SchemaCreator
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from backend.api.guards import scope_of
from backend.api.idempotency import HEADER
from backend.services.api_keys import EVERYTHING, SCOPES
from backend.services.idempotency import LONGEST_KEY

_STEERING = "/api/v1/"
_CHANGING = frozenset({"post", "put", "patch", "delete"})

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": f"An API key with the scope that the operation names. Scopes: {', '.join(SCOPES)}; {EVERYTHING} is all.",
}
_HEADER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    "description": (
        "A word of your own for this request. Sent again with the same word within a day, the request is not done again "
        "and gets the same answer, also after a crash; with the word another request is refused with 422, and a second one "
        "waits for the first (409 after five seconds)."
    ),
}
_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": "string"}},
}
_REFUSALS = {
    "400": "What was sent cannot be taken.",
    "401": "No API key, or one that is unknown, revoked or expired.",
    "403": "The key lacks the scope.",
    "404": "Nothing has that name.",
    "409": "It exists already, or its state does not allow this.",
    "422": "The Idempotency-Key was used for another request.",
    "429": "Too many requests; Retry-After says how many seconds to wait.",
    "503": "Not now; Retry-After says how many seconds to wait.",
}


class LocalTimes(OpenAPISchemaPlugin):
    """A time of day is a text like 21:00:00; the framework would call it a duration."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Whether it is a time of day."""
        return value is time

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:  # noqa: ARG002 - the framework's signature
        """What it looks like."""
        return Schema(type=OpenAPIType.STRING, pattern=r"^\d\d:\d\d(:\d\d(\.\d+)?)?$")


class Description(JsonRenderPlugin):
    """Renders the description."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The description as JSON."""
        return super().render(request, describe(request.app, openapi_schema))


def describe(app: Litestar, document: dict[str, Any]) -> dict[str, Any]:
    """The description with what holds for every route of /api/v1 added."""
    scopes = dict(_scopes(app))
    components = document.get("components", {})
    schemas = {**components.get("schemas", {}), "Problem": _PROBLEM}
    schemes = {**components.get("securitySchemes", {}), "api_key": _KEY}
    paths = {
        path: {method: _described(method, operation, scopes.get((path, method))) for method, operation in item.items()}
        for path, item in document["paths"].items()
    }
    return {**document, "paths": paths, "components": {**components, "schemas": schemas, "securitySchemes": schemes}}


def _scopes(app: Litestar) -> Iterator[tuple[tuple[str, str], str]]:
    """The scope of each operation, by path as the description writes it and method."""
    for route in app.routes:
        if not route.path.startswith(_STEERING):
            continue
        path = "/".join(_parameter(part) for part in route.path.split("/"))
        for handler in getattr(route, "route_handlers", []):
            if (scope := scope_of(handler)) is not None:
                yield from (((path, method.lower()), scope) for method in handler.http_methods)


def _parameter(part: str) -> str:
    """``{id:int}`` as the description writes it: ``{id}``."""
    return part.partition(":")[0] + "}" if part.startswith("{") and ":" in part else part


def _described(method: str, operation: Any, scope: str | None) -> Any:
    if scope is None:
        return operation
    header = [_HEADER] if method in _CHANGING else []
    refusals = {status: _refusal(text) for status, text in _REFUSALS.items() if header or status not in ("409", "422")}
    told = operation.get("description") or operation.get("summary") or ""
    return {
        **operation,
        "description": f"{told}\n\nScope: `{scope}`.".strip(),
        "parameters": [*operation.get("parameters", []), *header],
        "responses": {**operation.get("responses", {}), **refusals},
        "security": [{"api_key": [scope]}],
    }


def _refusal(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
