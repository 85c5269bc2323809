"""Endpoints, deliveries and attempts as the values that pages, API and command line know."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from backend.store.webhooks import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint as a list shows it; its secret is shown once and never again.

    Attributes:
        disabled_reason: ``person``, ``failing`` (nothing was taken for days) or ``gone`` (it said 410).
        failing_since: nothing was taken since; None where the last message was.
        previous_until: until when the secret before signs too.
        waiting: messages that have not been taken yet; ``dead``: given up in the last week.
    """

    endpoint_id: int
    url: str
    description: str
    event_types: tuple[str, ...]
    state: str
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    previous_until: datetime | None
    created_at: datetime
    created_by: str
    waiting: int
    dead: int
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One line of the delivery log; status, error and milliseconds are the last attempt's."""

    delivery_id: int
    endpoint_id: int
    url: str
    message_id: str
    type: str
    at: datetime
    state: str
    attempts: int
    next_at: datetime
    changed_at: datetime
    status: int | None
    error: str | None
    milliseconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail:
    """One delivery with what is sent and what each attempt met, the last one first."""

    delivery: Delivery
    body: str
    tries: tuple[Attempt, ...]


def endpoint_of(row: asyncpg.Record) -> Endpoint:
    """A row as a value."""
    return Endpoint(**{**dict(row), "event_types": tuple(row["event_types"])})
