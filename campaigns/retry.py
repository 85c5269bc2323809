"""What each outcome of a send leads to, by policy: final, or tried again and when.

Policy *once* repeats only what surely was not accepted. Policy *surely* repeats unknown outcomes too; the
message's tag then replaces what may already be on the screen. FCM asks for at least 10 s before a repeat,
growing with jitter, one minute after a 429 without `Retry-After`, and to give up after an hour.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import msgspec
from msgspec.structs import replace

from campaigns.campaign import Policy
from campaigns.delivery import PASSING, Accepted, Outcome, Refusal, Refused, Unknown

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=10)
QUOTA_WAIT = timedelta(seconds=60)
MOST_ATTEMPTS = 8

JUMP_LEAST = 20
"""So many of one kind among a campaign's recent sends, at least, and the share of its `STOP_RULES`, pause it."""


class DeliveryState(StrEnum):
    """States of one device of the send ledger; of a person who was not handed over, too."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LEFT_OUT = "left_out"


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a delivery.

    Attributes:
        not_before: the next try, for state planned only.
        maybe_sent: whether a device may have it, now or later; the frequency cap then counts the try.
        retire_address: the app is gone from the device: its address is never used again.
        pause: a word for why the whole campaign must stop; None for go on.
        hold_all_until: until when every send of the project must wait; None for not at all.
    """

    state: DeliveryState
    error_code: str | None = None
    message_name: str | None = None
    not_before: datetime | None = None
    maybe_sent: bool = False
    retire_address: bool = False
    pause: str | None = None
    hold_all_until: datetime | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is final, and leads to nothing else."""
        return self.state is not DeliveryState.PLANNED and not (
            self.retire_address or self.pause or self.hold_all_until
        )


def resolve(
    outcome: Outcome, *, policy: Policy, attempts: int, jitter: float, now: datetime, expires_at: datetime
) -> Resolution:
    """What an outcome leads to.

    Args:
        outcome: of this attempt.
        policy: the campaign's.
        attempts: tries made so far, this one included.
        jitter: a random number in [0, 1), drawn by the caller.
        now: the present moment.
        expires_at: no try is planned at or after this.
    """
    if isinstance(outcome, Accepted):
        return Resolution(state=DeliveryState.ACCEPTED, message_name=outcome.name, maybe_sent=True)
    again = partial(
        _again, attempts=attempts, at=now + _waiting(outcome, attempts=attempts, jitter=jitter), expires_at=expires_at
    )
    if isinstance(outcome, Refused):
        return _resolve_refusal(outcome.kind, again=again, now=now)
    if policy is Policy.ONCE:
        return Resolution(state=DeliveryState.UNKNOWN, error_code=outcome.detail, maybe_sent=True)
    return replace(again(outcome.detail, otherwise=DeliveryState.UNKNOWN), maybe_sent=True)


def _resolve_refusal(kind: Refusal, *, again: Callable[..., Resolution], now: datetime) -> Resolution:
    if kind in PASSING:
        tried = again(str(kind), otherwise=DeliveryState.EXPIRED)
        hold_until = tried.not_before if kind is Refusal.QUOTA else None
        return replace(tried, hold_all_until=hold_until)
    if kind is Refusal.AUTH:
        return Resolution(
            state=DeliveryState.PLANNED,
            error_code=str(kind),
            not_before=now,
            pause="credentials",
            hold_all_until=now + QUOTA_WAIT,
        )
    gone = kind is Refusal.UNREGISTERED
    return Resolution(state=DeliveryState.REJECTED, error_code=str(kind), retire_address=gone)


def _again(code: str, *, attempts: int, at: datetime, expires_at: datetime, otherwise: DeliveryState) -> Resolution:
    if attempts >= MOST_ATTEMPTS or at >= expires_at:
        return Resolution(state=otherwise, error_code=code)
    return Resolution(state=DeliveryState.PLANNED, error_code=code, not_before=at)


def _waiting(outcome: Refused | Unknown, *, attempts: int, jitter: float) -> timedelta:
    if outcome.retry_after is not None:
        return max(outcome.retry_after, FIRST_WAIT if isinstance(outcome, Unknown) else timedelta(0))
    if isinstance(outcome, Refused) and outcome.kind is Refusal.QUOTA:
        return QUOTA_WAIT * (1 + jitter / 2)
    doubled: timedelta = FIRST_WAIT * 2.0 ** max(0, attempts - 1)
    return min(doubled, LONGEST_WAIT) * (1 + jitter / 2)


@dataclass(frozen=True, slots=True)
class StopRule:
    """A kind of outcome that pauses a campaign when it jumps: the word for why, and the share of recent sends."""

    reason: str
    share: float
    fits: Callable[[Resolution], bool]


_REFUSED = frozenset({str(kind) for kind in (Refusal.INVALID_ARGUMENT, Refusal.SENDER_MISMATCH, Refusal.OTHER)})

STOP_RULES = (
    StopRule("unknown_outcomes", 0.2, lambda one: one.state is DeliveryState.UNKNOWN),
    StopRule("refused_messages", 0.2, lambda one: one.error_code in _REFUSED),
    StopRule("dead_addresses", 0.5, lambda one: one.retire_address),
)
"""Before a campaign burns its audience: half of a usual audience has not uninstalled the app since yesterday; such a run says that the
installation sends to another project, or what it says is malformed."""


def jump(recent: Collection[Resolution]) -> str | None:
    """Why a person must look first, of what became of a campaign's recent sends; None for go on."""
    for rule in STOP_RULES:
        found = sum(rule.fits(one) for one in recent)
        if found >= JUMP_LEAST and found >= rule.share * len(recent):
            return rule.reason
    return None
