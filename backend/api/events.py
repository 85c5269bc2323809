"""The Segment protocol: batches and single calls, answered 200 after the events are durable, and nothing but 200.

A call that can never succeed gets 400, 401 or 413 and is dropped by every SDK; one that may succeed later gets 503 with
Retry-After. A bad event never fails its batch: it is kept with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.exceptions import HTTPException

from backend.api.envelope import LONGEST_BATCH, Envelope, read_batch, read_single
from backend.api.gate import Gate
from backend.api.guards import admit_source
from backend.api.inflate import inflate, legible
from backend.api.meters import Meters
from backend.api.problems import verdict_of
from backend.clock import Clock
from backend.errors import BadInput
from backend.services.customer_tokens.tokens import CustomerTokens
from backend.services.device_clocks import DeviceClocks
from backend.services.ingest import Ingest
from backend.services.refusals import LARGEST_KEPT, Refusals
from backend.services.sources import Source, Sources
from backend.services.tracking_plans import TrackingPlans
from segments.envelope import Event, FailedEvent
from segments.failures import EventFailure
from segments.intake import Reception, fail_event, read_event
from segments.source_rules import OPEN
from segments.tokens import TokenCheck

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

BATCHES = ("batch", "b", "import")
"""Last part of a batch's path."""

_DONE = b'{"success": true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the intake needs, at ``app.state.door``.

    Attributes:
        largest_body: bytes of a body after inflating.
    """

    ingest: Ingest
    sources: Sources
    tokens: CustomerTokens
    device_clocks: DeviceClocks
    plans: TrackingPlans
    gate: Gate
    refusals: Refusals
    clock: Clock
    meters: Meters
    largest_body: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as both ways into the intake hand it on.

    Attributes:
        path: as declared, without a slash at its end.
        headers: by name in small letters.
        address: of whoever connected; a proxy's, where there is one.
    """

    path: str
    headers: Mapping[str, str]
    address: str | None


class ClientLeft(Exception):
    """The client went away in the middle of its request: there is nobody to answer and nothing to store."""


class EventController(Controller):
    """Where apps, tills and servers send what happened. Most calls take the short way: `backend.api.front_door`."""

    @post([f"/{path}" for path in BATCHES], status_code=200)
    async def take_batch(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Take a batch of events."""
        await _take_request(request)
        return _done()

    @post([f"/{path}" for path in CALLS], status_code=200)
    async def take_single(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Take one event; the path says its type."""
        await _take_request(request)
        return _done()

    @post("/m", status_code=200)
    async def drop_telemetry(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Figures that some SDKs send about themselves: read and dropped, not refused."""
        await request.body()
        return _done()


def _done() -> Response[bytes]:
    return Response(_DONE, status_code=200, media_type="application/json")


async def _take_request(request: Request[Any, Any, Any]) -> None:
    """The long way, through the framework."""
    path = request.scope["path"].rstrip("/")
    address = request.client.host if request.client else None
    headers = dict(request.headers.multi_items())  # of a repeated one the last, as on the short way
    call = Call(path=path, headers=headers, address=address)
    await take(call, request.app.state.door, await request.body())


async def take(call: Call, door: Door, body: bytes) -> None:
    """Take the events of one call, whichever way it came. Returns when they are durable.

    Raises:
        HTTPException: the call can never succeed (401, 413).
        JorenError: likewise (400), or not now (503).
    """
    try:
        body = inflate(body, encoding=call.headers.get("content-encoding", ""), limit=door.largest_body)
        kind = CALLS.get(call.path.rpartition("/")[2])
        await _take(call, door, read_single(body) if kind else read_batch(body), kind)
    except (HTTPException, BadInput) as error:
        status, code, message = verdict_of(error)
        door.refusals.note(path=call.path, status=status, code=code, message=message, body=legible(body, LARGEST_KEPT))
        raise


async def _take(call: Call, door: Door, envelope: Envelope, kind: str | None) -> None:
    authorization = call.headers.get("authorization", "")
    source = await admit_source(door.sources, authorization=authorization, body_key=envelope.write_key)
    sent = len(envelope.events) + len(envelope.excess)
    await door.gate.admit(source, events=sent, address=call.address, headers=call.headers)
    shared = envelope.user_token or call.headers.get("x-user-token")
    tokens = None if source.kind.trusted else await door.tokens.check_for(source.source_id, shared=shared)
    reception = await _placed(_reception(envelope, source, door.clock, kind, tokens), call, door, envelope)
    rules = await door.plans.rules_of(source.source_id)
    reception = reception if rules == OPEN else replace(reception, rules=rules)
    events, failed = read_events(envelope, reception)
    await door.ingest.take(events, failed, received_at=reception.received_at)
    door.meters.count_events(source.kind.value, len(events) + len(failed))
    if "x-retry-count" in call.headers:
        door.meters.retries.inc()


async def _placed(reception: Reception, call: Call, door: Door, envelope: Envelope) -> Reception:
    """With what is known of the sender's clock, for apps whose SDK does not say when it sends."""
    if reception.trusted:
        return reception
    skew = await door.device_clocks.skew_of(
        reception.source_id,
        envelope.events,
        sent_at=reception.sent_at,
        received_at=reception.received_at,
        retried="x-retry-count" in call.headers,
    )
    return reception if skew is None else replace(reception, device_skew=skew)


def _reception(
    envelope: Envelope, source: Source, clock: Clock, call: str | None, tokens: TokenCheck | None
) -> Reception:
    return Reception(
        source_id=source.source_id,
        trusted=source.kind.trusted,
        received_at=clock.now(),
        sent_at=envelope.sent_at,
        call=call,
        context=envelope.context,
        integrations=envelope.integrations,
        tokens=tokens,
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
