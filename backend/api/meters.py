"""What this process measures about its own requests, for Prometheus and for the log."""

import time
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.middleware.base import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

_log = structlog.get_logger("joren.request")

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_SPOKEN = 400


class Meters:
    """Counters of one process. Each application has its own, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "joren_requests", "Requests answered by this process.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "joren_request_seconds",
            "Time to the answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.events = Counter(
            "joren_intake_events", "Events acknowledged by this process.", ["source_kind"], registry=self.registry
        )
        self.retries = Counter(
            "joren_intake_retries",
            "Requests whose client said that it had sent them before.",
            registry=self.registry,
        )


class RequestMeter(ASGIMiddleware):
    """Measures each request; logs refusals, failures and pages, but not each of the many good intake calls.

    The log holds the route as declared, never the address as sent: addresses of settings hold keys.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and look at the answer's status."""
        started = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, note)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(scope.get("path_template") or "unknown")
        self._meters.requests.labels(route, str(status)).inc()
        self._meters.seconds.labels(route).observe(seconds)
        if status >= _SPOKEN or not route.startswith(("/v1/", "/health", "/metrics", "/assets")):
            fields: dict[str, Any] = {"route": route, "method": str(scope.get("method"))}
            _log.info("request", status=status, milliseconds=round(seconds * 1000, 1), **fields)
