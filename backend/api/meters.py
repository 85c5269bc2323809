"""What this process measures about its own requests, for Prometheus and for the log."""

import time

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
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._kinds: dict[str, Counter] = {}

    def count_events(self, source_kind: str, number: int) -> None:
        """Count the events of an acknowledged request."""
        if (counter := self._kinds.get(source_kind)) is None:
            counter = self._kinds[source_kind] = self.events.labels(source_kind)
        counter.inc(number)

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request; log refusals, failures and pages, but not each of the many good intake calls.

        The log holds the route as declared, never the address as sent: addresses of settings hold keys.
        """
        counter, histogram = self._meter_of(route, status)
        counter.inc()
        histogram.observe(seconds)
        if status >= _SPOKEN or not route.startswith(("/v1/", "/health", "/metrics", "/assets")):
            _log.info("request", route=route, method=method, status=status, milliseconds=round(seconds * 1000, 1))

    def _meter_of(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """Found once for each route and status: looking labels up costs more than counting."""
        if (known := self._known.get((route, status))) is None:
            known = self.requests.labels(route, str(status)), self.seconds.labels(route)
            self._known[route, status] = known
        return known


class RequestMeter(ASGIMiddleware):
    """Measures each request that the framework routes; see `Meters.note`."""

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
            route = str(scope.get("path_template") or "unknown")
            self._meters.note(route, str(scope.get("method")), int(status), time.perf_counter() - started)
