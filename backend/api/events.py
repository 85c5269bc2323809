"""The Segment protocol: batches and single calls, answered 200 after the events are durable, and nothing but 200.

A call that can never succeed gets 400, 401 or 413 and is dropped by every SDK; one that may succeed later gets 503 with
Retry-After. A bad event never fails its batch: it is kept with its reason.
"""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Request, Response, post

from backend.api.envelope import LONGEST_BATCH, Envelope, read_batch, read_single
from backend.api.guards import admit_source
from backend.api.inflate import inflate
from backend.api.meters import Meters
from backend.clock import Clock
from backend.services.ingest import Ingest
from backend.services.sources import Source, Sources
from segments.envelope import Event, FailedEvent
from segments.failures import EventFailure
from segments.intake import Reception, fail_event, read_event

CALLS = {
    "track": "track",
    "identify": "identify",
    "screen": "screen",
    "page": "page",
    "group": "group",
    "alias": "alias",
    "t": "track",
    "i": "identify",
    "s": "screen",
    "p": "page",
    "g": "group",
    "a": "alias",
}
"""Last part of a single call's path → type of its event."""

_DONE = b'{"success": true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the intake needs, at ``app.state.door``.

    Attributes:
        largest_body: bytes of a body after inflating.
    """

    ingest: Ingest
    sources: Sources
    clock: Clock
    meters: Meters
    largest_body: int


class EventController(Controller):
    """Where apps, tills and servers send what happened."""

    @post(["/batch", "/b", "/import"], status_code=200)
    async def take_batch(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Take a batch of events."""
        door: Door = request.app.state.door
        envelope = read_batch(await _read_body(request, door))
        await _take(request, door, envelope)
        return _done()

    @post([f"/{path}" for path in CALLS], status_code=200)
    async def take_single(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Take one event; the path says its type."""
        door: Door = request.app.state.door
        envelope = read_single(await _read_body(request, door))
        path = request.scope["path"].rstrip("/")
        await _take(request, door, envelope, call=CALLS[path.rpartition("/")[2]])
        return _done()

    @post("/m", status_code=200)
    async def drop_telemetry(self) -> Response[bytes]:
        """Figures that some SDKs send about themselves: not wanted, not refused."""
        return _done()


def _done() -> Response[bytes]:
    return Response(_DONE, status_code=200, media_type="application/json")


async def _read_body(request: Request[Any, Any, Any], door: Door) -> bytes:
    encoding = request.headers.get("content-encoding", "")
    return inflate(await request.body(), encoding=encoding, limit=door.largest_body)


async def _take(request: Request[Any, Any, Any], door: Door, envelope: Envelope, *, call: str | None = None) -> None:
    authorization = request.headers.get("authorization", "")
    source = await admit_source(door.sources, authorization=authorization, body_key=envelope.write_key)
    reception = _reception(envelope, source, door.clock, call)
    events, failed = read_events(envelope, reception)
    await door.ingest.take(events, failed, received_at=reception.received_at)
    door.meters.events.labels(source.kind.value).inc(len(events) + len(failed))
    if "x-retry-count" in request.headers:
        door.meters.retries.inc()


def _reception(envelope: Envelope, source: Source, clock: Clock, call: str | None) -> Reception:
    return Reception(
        source_id=source.source_id,
        trusted=source.kind.trusted,
        received_at=clock.now(),
        sent_at=envelope.sent_at,
        call=call,
        context=envelope.context,
        integrations=envelope.integrations,
    )


def read_events(envelope: Envelope, reception: Reception) -> tuple[list[Event], list[FailedEvent]]:
    """The events of a call that can be stored, and the others with their reasons; together they are all of them."""
    events: list[Event] = []
    failed: list[FailedEvent] = []
    for raw in envelope.events:
        result = fail_event(raw, reception, envelope.fault) if envelope.fault else read_event(raw, reception)
        if isinstance(result, Event):
            events.append(result)
        else:
            failed.append(result)
    if envelope.excess:
        failed.append(_fail_excess(envelope.excess, reception))
    return events, failed


def _fail_excess(excess: list[bytes], reception: Reception) -> FailedEvent:
    """One failed event for all, so that a body of a million commas does not become a million rows."""
    reason = f"A batch holds at most {LONGEST_BATCH} events; these {len(excess)} came behind."
    return fail_event(b"[" + b",".join(excess) + b"]", reception, EventFailure("batch_too_long", reason))
