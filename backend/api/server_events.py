"""Events from the shop's own server: read as at the intake, stored through the same door, answered one by one."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg

from backend.api.guards import requires
from backend.api.idempotency import REPEATABLE
from backend.services.server_events import MOST, EventResult, Outcome, ServerEvents


class EventBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Events of the Segment protocol, as docs/events.md and the tracking plan describe them.

    Attributes:
        batch: one event or more, each with type, userId or anonymousId, and what its type asks for. Without a
            messageId one is made from the content, so that the same event said twice is one.
        context: merged into each event's own.
        sent_at: now, by your clock: events' times are corrected by what it is off.
    """

    batch: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST)]
    context: dict[str, Any] | None = None
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each event, in the order of the batch."""

    accepted: int
    failed: int
    results: list[EventResult]


_BATCH = Example(
    value={
        "batch": [
            {
                "type": "track",
                "event": "Order Completed",
                "userId": "M-1001",
                "messageId": "order-70001",
                "timestamp": "2026-11-20T03:15:00Z",
                "properties": {"order_id": "70001", "total": 1280, "currency": "JPY"},
            }
        ]
    }
)


class ServerEventController(Controller):
    """Events. Their word counts like that of a server's write key."""

    path = "/events"
    tags = ("events",)

    @post("/", guards=[requires("events:write")], opt={REPEATABLE: True}, status_code=200, summary="Send events")
    async def take_events(
        self,
        *,
        data: Annotated[EventBatch, BodyKwarg(media_type=RequestEncodingType.JSON, examples=[_BATCH])],
        server_events: NamedDependency[ServerEvents],
    ) -> BatchAnswer:
        """Stored when it is answered. A bad event is kept with its reason and fails no other."""
        calls = [msgspec.json.encode(each) for each in data.batch]
        results = await server_events.take(calls, context=data.context, sent_at=data.sent_at)
        accepted = sum(each.outcome is Outcome.ACCEPTED for each in results)
        return BatchAnswer(accepted=accepted, failed=len(results) - accepted, results=list(results))
