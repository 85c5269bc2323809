"""What every change of a campaign has in common: it is held, its state allows it, its words stand, and it is written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import asyncpg

from backend.errors import BadInput, Conflict, NotFound
from backend.store import access as access_store
from backend.store import campaigns as store
from backend.store.pool import Connection
from campaigns.campaign import Action, Draft, State, check_draft, next_state
from campaigns.errors import DraftIncomplete, TransitionRefused
from campaigns.trigger import OnSegment
from campaigns.wording import check_words


async def hold(connection: Connection, campaign_id: int, *, revision: int | None = None) -> State:
    """Hold the campaign until the transaction ends, and give its state.

    Raises:
        NotFound: there is none of that number.
        Conflict: it has been changed since ``revision``.
    """
    held = await store.lock(connection, campaign_id=campaign_id)
    if held is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign_not_found")
    if revision is not None and revision != held["revision"]:
        raise Conflict(
            "Somebody changed this campaign in the meantime: reload it and look before you go on.",
            code="campaign_changed",
        )
    return State(held["state"])


async def move(connection: Connection, campaign_id: int, action: Action, *, revision: int | None = None) -> State:
    """Hold the campaign and give the state the action leads to.

    Raises:
        NotFound: there is none of that number.
        Conflict: it has been changed since ``revision``, or its state does not allow the action.
    """
    state = await hold(connection, campaign_id, revision=revision)
    with explained():
        return next_state(state, action)


def check(draft: Draft) -> None:
    """Refuse a draft that cannot stand.

    Raises:
        BadInput: naming the field.
    """
    with explained():
        check_draft(draft)
        check_words(draft)


async def check_segments(connection: Connection, draft: Draft) -> None:
    """Refuse a draft that names a segment there is not, or that was archived.

    Raises:
        BadInput: naming the field.
    """
    asked = {"segment_id": draft.segment_id}
    if isinstance(draft.trigger, OnSegment):
        asked["trigger.segment_id"] = draft.trigger.segment_id
    for field, number in asked.items():
        if number is not None and not await store.has_segment(connection, segment_id=number):
            raise BadInput("Choose a segment that is there.", code="segment_not_found", field=field)


async def audit(
    connection: Connection, action: str, campaign_id: int, *, by: str, now: datetime, **detail: Any
) -> None:
    """Write down who did what to a campaign."""
    await access_store.write_audit(
        connection, at=now, actor=by, action=f"campaign.{action}", target=f"campaign {campaign_id}", detail=detail
    )


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the decisions refuse into what callers are told."""
    try:
        yield
    except DraftIncomplete as error:
        raise BadInput(_sentence(error.message), code=error.code, field=error.field) from error
    except TransitionRefused as error:
        raise Conflict(_sentence(error.message), code="wrong_state") from error


@contextmanager
def unique_name(draft: Draft) -> Iterator[None]:
    """Turn a name that is taken into what callers are told."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f'There is already a campaign called "{draft.name}": choose another name.', code="name_taken", field="name"
        ) from error


def _sentence(message: str) -> str:
    return f"{message[0].upper()}{message[1:]}."
