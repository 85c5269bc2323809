"""Health and figures of this installation."""

from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from backend.api.guards import require_operator
from backend.api.meters import Meters
from backend.services.health import Health, Readiness, Totals
from backend.services.ingest import Ingest


class HealthController(Controller):
    """For load balancers, supervisors and Prometheus."""

    @get("/health/live", status_code=200)
    async def read_liveness(self) -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @get("/health/ready", status_code=200)
    async def read_readiness(self, health: NamedDependency[Health]) -> Response[dict[str, Any]]:
        """This installation can do its work: 200, or 503 with what is in the way and what to do about it."""
        state = await health.ready()
        status = 200 if state.ready else 503
        return Response(_readiness(state), status_code=status, headers={"Cache-Control": "no-store"})

    @get("/metrics", guards=[require_operator])
    async def read_metrics(
        self, health: NamedDependency[Health], ingest: NamedDependency[Ingest], meters: NamedDependency[Meters]
    ) -> Response[bytes]:
        """Figures in the text format of Prometheus, for this machine or with an API key."""
        state, totals = await health.ready(), await health.totals()
        text = generate_latest(meters.registry) + generate_latest(_gauges(state, totals, ingest))
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


_REASONS = {
    "database_unavailable": "The database does not answer: start it, or mend DATABASE_URL.",
    "disk_low": "The disk is nearly full: make room where JOREN_HOME lies.",
    "worker_missing": "No worker runs: start one with `joren worker`.",
    "worker_silent": "No worker was heard of lately: look at its log, or start one with `joren worker`.",
    "sending_held": "Nothing is sent: this database was restored and nobody armed it. Run joren arm.",
    "refresh_late": "The facts are late: the worker is behind, or stuck.",
    "requests_refused": "Senders were refused and threw their events away: see `joren events refused`.",
}


_ENTRIES = {
    "due": "People in journeys who are due and not yet led on.",
    "aside": "People in journeys whose step always failed.",
    "late": "Seconds since the first of those who are due was.",
    "unread": "Events whose people are known and that no trigger has read, gaps in their numbers included.",
}


def _readiness(state: Readiness) -> dict[str, Any]:
    lag, crew = state.lag, state.crew
    return {
        "ready": state.ready,
        "concerns": list(state.concerns),
        "reasons": [_REASONS[concern] for concern in state.concerns],
        "database": state.database,
        "disk_free_bytes": state.disk_free,
        "workers": crew and crew.workers,
        "worker_seen_at": crew and crew.seen_at and crew.seen_at.isoformat(),
        "refresh_lag_rows": lag and lag.rows,
        "refresh_lag_seconds": lag and round(lag.seconds, 1),
        "refreshed_at": lag and lag.refreshed_at and lag.refreshed_at.isoformat(),
    }


def _gauges(state: Readiness, totals: Totals | None, ingest: Ingest) -> CollectorRegistry:
    """Figures that are read when they are asked for."""
    registry = CollectorRegistry()
    _gauge(registry, "joren_ready", "1 when events can be taken and a worker lives.", float(state.ready))
    _gauge(registry, "joren_disk_free_bytes", "Room where JOREN_HOME lies.", state.disk_free)
    _gauge(registry, "joren_intake_groups", "Transactions of this process's intake.", ingest.figures.groups)
    _gauge(registry, "joren_intake_shed", "Requests sent away because too much was waiting.", ingest.figures.shed)
    if state.crew is not None:
        _gauge(registry, "joren_workers", "Workers heard of lately.", state.crew.workers)
    if state.lag is not None:
        _gauge(registry, "joren_refresh_lag_rows", "Events stored and not yet in the facts.", state.lag.rows)
        _gauge(registry, "joren_refresh_lag_seconds", "Age of the oldest of them.", state.lag.seconds)
    if totals is not None:
        outcomes = {"stored": totals.stored, "repeated": totals.repeated, "failed": totals.failed}
        _gauges_by(registry, "joren_events", "Events since the beginning.", "outcome", outcomes)
        _gauges_by(registry, "joren_deliveries", "Deliveries by state.", "state", totals.deliveries)
        for name, value in totals.entries.items():
            _gauge(registry, f"joren_journeys_{name}", _ENTRIES[name], value)
    return registry


def _gauge(registry: CollectorRegistry, name: str, text: str, value: float) -> None:
    Gauge(name, text, registry=registry).set(value)


def _gauges_by(registry: CollectorRegistry, name: str, text: str, label: str, values: dict[str, int]) -> None:
    gauge = Gauge(name, text, [label], registry=registry)
    for key, value in values.items():
        gauge.labels(key).set(value)
