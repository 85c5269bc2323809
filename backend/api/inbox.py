"""The inbox for apps: the app's public write key says which app asks, a customer token says for whom.

No secret key belongs into an app, so none is taken here; and a write key alone, which everybody can read out of an app, opens
nobody's inbox.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromQuery, JSONBody, QueryParameter

from backend.api.events import Door
from backend.api.guards import admit_source
from backend.errors import Forbidden
from backend.services.inbox import LARGEST_PAGE, Inbox, InboxPage
from segments.tokens import LONGEST_TOKEN, REASONS, Claims, Verdict, judge_claims

MOST_IDS = 200


class WhatWasRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer read.

    Attributes:
        ids: of the messages; left out, all that the inbox holds.
    """

    ids: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=MOST_IDS)] | None = None


class LeftUnread(msgspec.Struct, frozen=True):
    """How many messages are still unread."""

    unread: int


class InboxController(Controller):
    """Messages of the customer who is signed in to the app."""

    path = "/inbox"

    @get(status_code=200)
    async def read_inbox(
        self,
        request: Request[Any, Any, Any],
        inbox: NamedDependency[Inbox],
        before: FromQuery[str | None] = None,
        size: Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE)] = 20,
    ) -> InboxPage:
        """A page of messages, the newest first, with the number of unread ones."""
        return await inbox.read(await member_of(request), before=before, size=size)

    @post("/read", status_code=200)
    async def read_messages(
        self, request: Request[Any, Any, Any], inbox: NamedDependency[Inbox], data: JSONBody[WhatWasRead]
    ) -> LeftUnread:
        """Note that messages were read."""
        return LeftUnread(await inbox.mark_read(await member_of(request), data.ids))


async def member_of(request: Request[Any, Any, Any]) -> str:
    """The member number that the request's customer token proves.

    Raises:
        NotAuthorizedException: the write key is unknown, or the token proves nobody.
        Forbidden: a server's secret key, or an app that takes no customer tokens.
        TooMany, Unavailable: not now.
    """
    door: Door = request.app.state.door
    source = await admit_source(door.sources, authorization=request.headers.get("authorization", ""), body_key=None)
    if source.kind.trusted:
        sentence = "The inbox is for apps: use the app's write key and a customer token, never a secret key."
        raise Forbidden(sentence, code="secret_key_in_app")
    address = request.client.host if request.client else None
    await door.gate.admit(source, events=1, address=address, headers=dict(request.headers))
    token = request.headers.get("x-user-token")
    check = await door.tokens.check_for(source.source_id, shared=token)
    if check is None:
        sentence = (
            "This app takes no customer tokens, and without one nobody's inbox can be read: see its source's page."
        )
        raise Forbidden(sentence, code="tokens_off")
    claims = check.read(token) if token and len(token) <= LONGEST_TOKEN else Verdict.MISSING
    verdict = _verdict(claims, door) if isinstance(claims, Claims) else claims
    if not isinstance(claims, Claims) or verdict is not Verdict.VALID:
        raise NotAuthorizedException(detail=f"X-User-Token: {_reason(verdict)}")
    return claims.subject


def _verdict(claims: Claims, door: Door) -> Verdict:
    now = door.clock.now()
    return judge_claims(claims, user_id=claims.subject, occurred_at=now, received_at=now)


def _reason(verdict: Verdict) -> str:
    if verdict is Verdict.MISSING:
        return "send the customer token of whoever is signed in."
    if verdict is Verdict.EXPIRED:
        return "the customer token has expired."
    return REASONS[verdict]
