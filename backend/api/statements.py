"""What the routes by which a shop's server states facts have in common: whom they are about, and what they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency, Provide

from backend.api.guards import caller_of, requires
from backend.api.idempotency import HEADER, REPEATABLE, fingerprint
from backend.api.parameters import Id, Wait
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


@dataclass(frozen=True, slots=True)
class Telling:
    """What a route of `tells` stores a statement with."""

    request: Request[Any, Any, Any]
    server_events: ServerEvents
    wait: float

    async def __call__(self, whom: Whom, make: Callable[[About], dict[str, Any]]) -> Accepted:
        """Store a statement and, where it was asked for, wait until it can be read.

        Raises:
            BadInput: it names nobody, or cannot be stored.
        """
        if whom.user_id is None and whom.anonymous_id is None:
            raise BadInput("Name the customer by user_id or by anonymous_id.", field="user_id")
        message_id = await self.server_events.state(make(await self._about(whom)))
        applied = bool(self.wait) and await self.server_events.applied(within=timedelta(seconds=self.wait))
        return Accepted(accepted=True, applied=applied, message_id=message_id)

    async def _about(self, whom: Whom) -> About:
        name, key = caller_of(self.request).name, self.request.headers.get(HEADER)
        asked = fingerprint(self.request, await self.request.body())
        return About(
            user_id=whom.user_id,
            anonymous_id=whom.anonymous_id,
            at=whom.at or self.server_events.now(),
            said_by=name,
            message_id=message_id_of(name, key, asked=asked),
        )


async def _telling(
    request: Request[Any, Any, Any], server_events: NamedDependency[ServerEvents], wait: Wait = 0.0
) -> Telling:
    return Telling(request, server_events, wait)


def tells(path: str, *, scope: str, summary: str) -> post:
    """A route by which a shop's server states a fact: its handler takes ``tell``, a `Telling`."""
    return post(
        path,
        guards=[requires(scope)],
        opt={REPEATABLE: True},
        status_code=202,
        summary=summary,
        dependencies={"tell": Provide(_telling)},
    )
