"""The settings document that mobile SDKs ask for before they send anything."""

import re
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

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
    "rateLimitConfig": {"enabled": True, "maxRetryCount": 100, "maxRetryInterval": 300},
    "backoffConfig": {
        "enabled": True,
        "maxRetryCount": 100,
        "baseBackoffInterval": 0.5,
        "maxBackoffInterval": 300,
        "maxTotalBackoffDuration": 43200,
        "jitterPercent": 10,
        "default4xxBehavior": "drop",
        "default5xxBehavior": "retry",
        "statusCodeOverrides": {"408": "retry", "410": "retry", "429": "retry", "460": "retry"},
    },
}
"""Turns on the SDKs' newer way of retrying: without it one repeats 401 and 413 for ever."""
