"""The port to a push service, and what each of its answers means.

A sender tells three things apart and never folds one into another: the service took the message
(`Accepted`), it surely did not (`Refused`), or nobody can know (`Unknown`: no answer, an unreadable one,
a 5xx). FCM has no idempotency key, so what an unknown outcome leads to is a policy, not a detail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from campaigns.message import PushMessage


class Refusal(StrEnum):
    """Why a message was surely not accepted.

    The first group may be tried again later, the second never: see `is_passing`.
    """

    QUOTA = "quota"
    """429: over the project's quota; every send of the project waits for ``retry_after``, or a minute."""
    NOT_SENT = "not_sent"
    """The request never left, or no connection came about: surely not accepted."""

    UNREGISTERED = "unregistered"
    """404 with FCM's detail: the app is gone from the device; the address is retired."""
    INVALID_ARGUMENT = "invalid_argument"
    """400: message or address is malformed."""
    SENDER_MISMATCH = "sender_mismatch"
    """403: the address belongs to another Firebase project."""
    AUTH = "auth"
    """401, or a credential that cannot be had: nothing will go out until a person mends it."""
    OTHER = "other"
    """Another final refusal, such as 404 without FCM's detail (a wrong project)."""


PASSING = frozenset({Refusal.QUOTA, Refusal.NOT_SENT})
"""Refusals that time may heal."""

NEEDS_A_PERSON = frozenset({Refusal.AUTH, Refusal.SENDER_MISMATCH, Refusal.OTHER})
"""Refusals that say that the installation is wrong, not the device: a run of them pauses the campaign."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took the message; not yet that the device got it. ``name`` is the service's own id of it."""

    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The service surely did not take the message."""

    kind: Refusal
    retry_after: timedelta | None = None
    """How long the service asked us to wait, where it did."""
    detail: str = ""
    """The service's own words, for the log; no address, no text of the message."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can know whether the service took the message."""

    detail: str
    """What was seen instead of an answer: ``timeout``, ``http_503``, ``connection_lost``, ``bad_body`` …"""
    retry_after: timedelta | None = None


Outcome: TypeAlias = Accepted | Refused | Unknown


class PushSender(Protocol):
    """Sends messages; the one way out to people's phones."""

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once and give one outcome each, in the order of ``messages``.

        It never repeats a request by itself and never raises for what a service or network did:
        that is what the outcomes are for. It may be called from several tasks of one event loop.
        """
        ...
