"""The settings documents that mobile SDKs ask for before they send anything."""

import re
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.params import FromPath

from backend.api.guards import read_basic_user
from backend.services.sources import SourceKind, Sources

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class SettingsController(Controller):
    """`cdnHost` and `cdnProxy` of the mobile SDKs point here."""

    @get("/projects/{write_key:str}/settings", status_code=200)
    async def read_settings(
        self, request: Request[Any, Any, Any], write_key: FromPath[str], sources: NamedDependency[Sources]
    ) -> Response[dict[str, Any]]:
        """The document of an app's source; its key is public and may stand in an address, a server's may not."""
        source = await sources.identify(write_key)
        if source is None or source.kind is not SourceKind.APP:
            raise NotFoundException(detail="There is no app with this write key.")
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            raise NotFoundException(detail="The Host header cannot be read.")
        document = settings_document(write_key, api_host=f"{host}/v1")
        return Response(document, headers={"Cache-Control": "max-age=300", "Vary": "Host"})


class SourceConfigController(Controller):
    """`controlPlaneUrl` of RudderStack's mobile SDKs points here."""

    @get("/sourceConfig", status_code=200)
    async def read_source_config(
        self, request: Request[Any, Any, Any], sources: NamedDependency[Sources]
    ) -> Response[dict[str, Any]]:
        """The document of an app's source, whose key is the user of Basic authentication.

        Any other key gets 401, on which these SDKs ask again: on 400 they throw away what they hold.
        """
        key = read_basic_user(request.headers.get("authorization", "")) or ""
        source = await sources.identify(key)
        if source is None or source.kind is not SourceKind.APP:
            raise NotAuthorizedException(detail="There is no app with this write key.")
        return Response(source_config(key), headers={"Cache-Control": "private, max-age=300"})


def source_config(write_key: str) -> dict[str, Any]:
    """What RudderStack's SDKs need to send to us and to keep their telemetry to themselves."""
    quiet = {"enabled": False}
    return {
        "source": {
            "id": "joren",
            "name": "Joren",
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": "joren",
            "updatedAt": "2026-01-01T00:00:00.000Z",
            "destinations": [],
            "config": {"statsCollection": {"errors": quiet, "metrics": quiet}},
        }
    }


def settings_document(write_key: str, *, api_host: str) -> dict[str, Any]:
    """What the SDKs need to send to us, to wait when they are told to, and to keep their telemetry to themselves.

    Args:
        write_key: the app's public key.
        api_host: host and path to which they append ``/b``, without a scheme.
    """
    segment = {"apiKey": write_key, "apiHost": api_host, "httpConfig": _RETRYING}
    return {
        "integrations": {"Segment.io": segment},
        "plan": {},
        "edgeFunction": {},
        "middlewareSettings": {"routingRules": []},
        "consentSettings": {},
        "metrics": {"sampleRate": 0},
    }


_RETRYING: dict[str, Any] = {
    "rateLimitConfig": {
        "enabled": True,
        "maxRetryCount": 100,
        "maxRetryInterval": 300,
        "maxRateLimitDuration": 43200,
    },
    "backoffConfig": {
        "enabled": True,
        "maxRetryCount": 100,
        "baseBackoffInterval": 0.5,
        "maxBackoffInterval": 300,
        "maxTotalBackoffDuration": 43200,
        "jitterPercent": 10,
        "default4xxBehavior": "drop",
        "default5xxBehavior": "retry",
        "statusCodeOverrides": {
            "408": "retry",
            "410": "retry",
            "429": "retry",
            "460": "retry",
            "501": "drop",
            "505": "drop",
        },
    },
}
"""Turns on the SDKs' newer way of retrying: without it one repeats 401 and 413 for ever."""
