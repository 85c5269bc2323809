"""How quickly pushes may go out to one Firebase project: a share of its quota, evenly, and slowly at first.

FCM counts messages of a project by the minute (600,000 by default), asks for no less than a minute from nothing to the full
rate, and for an even spread over the minute instead of a burst at its start.
Source: https://firebase.google.com/docs/cloud-messaging/scale-fcm
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FIRST_SHARE = 0.02
"""Share of the full rate with which sending begins: a few messages never wait."""

_MINUTE = timedelta(minutes=1)
_QUARTER = timedelta(minutes=15)


def near_mark(now: datetime) -> bool:
    """Whether ``now`` lies within a minute of a full hour or its quarters, when everybody sends: FCM asks to keep out of it."""
    past = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    return past < _MINUTE or past >= _QUARTER - _MINUTE


@dataclass(frozen=True, slots=True)
class Pace:
    """The full rate, and the time from nothing to it.

    Attributes:
        per_minute: messages a minute.
        ramp: how long the rate grows.
    """

    per_minute: int = 540_000
    ramp: timedelta = _MINUTE

    def after(self, sending: timedelta) -> float:
        """Messages a minute when sending has gone on for so long."""
        return self.per_minute * min(1.0, max(FIRST_SHARE, sending / self.ramp))

    def at_once(self, sending: timedelta) -> float:
        """Messages that may then go out in one moment: a second's worth, and one at least."""
        return max(1.0, self.after(sending) / 60)


@dataclass(frozen=True, slots=True)
class Burst:
    """Sending that goes on: since when, and when it last did."""

    since: datetime
    last: datetime

    def at(self, now: datetime) -> "Burst":
        """The burst that a message now belongs to: a new one after a minute of silence."""
        if now - self.last > _MINUTE:
            return Burst(now, now)
        return replace(self, last=max(self.last, now))

    @property
    def lasted(self) -> timedelta:
        """How long it has gone on."""
        return self.last - self.since
