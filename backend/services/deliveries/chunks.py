"""What sending hands from the claim to the call and from the call to the record."""

from collections.abc import Mapping
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
    revision: int
    rate_per_minute: int | None
    for_many: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one attempt holds: the messages to send, until when, and, by delivery, what was claimed; ``worked`` counts all of that.

    ``policies`` are those of the versions that people entered.
    """

    attempt_id: UUID
    leased_until: datetime
    messages: list[PushMessage]
    claimed: dict[int, store.Claimed]
    policies: Mapping[int, Policy]
    worked: int

    def policy_of(self, delivery_id: int) -> Policy:
        """What an unknown outcome of a message leads to: what the version says that its person entered, whatever is published since."""
        return self.policies[self.claimed[delivery_id].version]


Sent: TypeAlias = tuple[PushMessage, Outcome]
"""A message and what became of it."""


def sending_of(row: asyncpg.Record) -> Sending:
    """From a row of `backend.store.campaigns.list_active`."""
    return Sending(
        row["campaign_id"],
        row["revision"],
        rate_per_minute=row["rate_per_minute"],
        for_many=Kind(row["kind"]) in SET_BASED,
    )
