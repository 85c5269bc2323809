"""What sending hands from the claim to the call and from the call to the record."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from backend.store import deliveries as store
from campaigns.campaign import Policy
from campaigns.delivery import Outcome
from campaigns.message import PushMessage
from campaigns.trigger import SET_BASED, Kind


@dataclass(frozen=True, slots=True)
class Sending:
    """What sending needs of a campaign."""

    campaign_id: int
    policy: Policy
    revision: int
    rate_per_minute: int | None
    for_many: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one attempt holds: the messages to send, until when, and, by delivery, what was claimed; ``worked`` counts all of that."""

    attempt_id: UUID
    leased_until: datetime
    messages: list[PushMessage]
    claimed: dict[int, store.Claimed]
    worked: int


Sent: TypeAlias = tuple[PushMessage, Outcome]
"""A message and what became of it."""


def sending_of(row: asyncpg.Record) -> Sending:
    """From a row of `backend.store.campaigns.list_active`."""
    return Sending(
        row["campaign_id"],
        Policy(row["policy"]),
        row["revision"],
        rate_per_minute=row["rate_per_minute"],
        for_many=Kind(row["kind"]) in SET_BASED,
    )
