"""What the routes by which a shop's server states facts have in common: whom they are about, and what they answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request

from backend.api.guards import caller_of
from backend.api.idempotency import HEADER, fingerprint
from backend.api.parameters import Id
from backend.errors import BadInput
from backend.services.server_events import ServerEvents, message_id_of
from segments.statements import About


class Whom(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom a statement is about: by your own number, by the app's anonymous id, or both, which proves the pair.

    Attributes:
        user_id: your own number. A customer whom nobody knows yet comes into being.
        anonymous_id: of the app.
        at: since when it is so; now where it is left out. The later word stands, whenever it arrives.
    """

    user_id: Id | None = None
    anonymous_id: Id | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The statement is stored and will not be lost.

    Attributes:
        applied: it can be read already. Otherwise it can within a second or so; ``wait`` waits for that.
        message_id: under which it is stored.
    """

    accepted: bool
    applied: bool
    message_id: str


async def state(
    request: Request[Any, Any, Any],
    whom: Whom,
    make: Callable[[About], dict[str, Any]],
    *,
    server_events: ServerEvents,
    wait: float,
) -> Accepted:
    """Store a statement and, where it was asked for, wait until it can be read.

    Raises:
        BadInput: it names nobody, or cannot be stored.
    """
    if whom.user_id is None and whom.anonymous_id is None:
        raise BadInput("Name the customer by user_id or by anonymous_id.", field="user_id")
    caller, asked = caller_of(request), fingerprint(request, await request.body())
    about = About(
        user_id=whom.user_id,
        anonymous_id=whom.anonymous_id,
        at=whom.at or server_events.now(),
        said_by=caller.name,
        message_id=message_id_of(caller.name, request.headers.get(HEADER), asked=asked),
    )
    message_id = await server_events.state(make(about))
    applied = bool(wait) and await server_events.applied(within=timedelta(seconds=wait))
    return Accepted(accepted=True, applied=applied, message_id=message_id)
