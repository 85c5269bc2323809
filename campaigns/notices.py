"""Notices: what happened here that other people's servers may want to know, and when a lost one is sent again. Pure.

A notice says what happened by numbers and states; it never says who somebody is. Who needs more asks the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec


class NoticeType(StrEnum):
    """Kinds of notices an endpoint can ask for."""

    CAMPAIGN_STATE = "campaign.state_changed"
    LAUNCH_WAITING = "campaign.launch_waiting"
    """A launch of one that repeats is for more people than were decided about: somebody has to look."""
    CAMPAIGN_WINNER = "campaign.winner_decided"
    IMPORT_FINISHED = "import.finished"
    EXPORT_FINISHED = "export.finished"
    EVENTS_FAILED = "events.failed"
    CUSTOMER_MERGED = "customer.merged"
    CUSTOMER_ERASED = "customer.erased"
    JOURNEY_STEP = "journey.step_reached"
    PING = "webhook.ping"
    """Sent by a person's act only, to see that the other side takes it."""


CHOICES = tuple(kind for kind in NoticeType if kind is not NoticeType.PING)
"""Kinds that can be chosen; a ping goes to the endpoint it is for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened, at an aware moment."""

    type: NoticeType
    at: datetime
    data: Mapping[str, Any]

    def body(self) -> str:
        """The bytes that are signed and sent, as text: the same at every attempt."""
        return msgspec.json.encode({"type": self.type, "timestamp": self.at, "data": dict(self.data)}).decode()


WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After the first attempt, the second … : a little over three days in all."""

JITTER = 0.2
"""Each wait is longer or shorter by up to this share, so that what failed together does not come back together."""

FAILING_FOR = timedelta(days=3)
"""An endpoint that has taken nothing for so long is disabled, and a person must look at it."""


def next_attempt(attempts: int, *, now: datetime, jitter: float) -> datetime | None:
    """When to try again after ``attempts`` failed ones; None for never.

    Args:
        attempts: how many have been made.
        now: when the last one failed.
        jitter: from 0 to 1, drawn at random.
    """
    if attempts > len(WAITS):
        return None
    return now + WAITS[attempts - 1] * (1 + JITTER * (2 * jitter - 1))


def was_taken(status: int | None) -> bool:
    """Whether an answer says that the other side has the notice: any 2xx."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - HTTP's successes


GONE = 410
"""The status by which the other side says: never again."""
