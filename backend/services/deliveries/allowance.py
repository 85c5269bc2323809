"""How many messages may go out now: a campaign's own rate, the project's pace, and the minutes that launches keep out of."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from backend.clock import Clock
from backend.store import rates
from campaigns.pace import Burst, Pace, near_mark

PROJECT = "push project"
"""The bucket of the Firebase project among those of rate limits; an installation has one project."""
LAUNCHES = "push launches"
"""The bucket of what is launched for many at a moment."""

_NEVER = timedelta(0)


@dataclass(frozen=True, slots=True)
class Limit:
    """One bucket that a message is taken from: messages a minute, and in one moment."""

    subject: str
    per_minute: float
    most: float


class Allowance:
    """What one worker may send, of what all workers share. What it does not use is given back with its next draw."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, pace: Pace | None) -> None:
        self._pool = pool
        self._clock = clock
        self._pace = pace
        self._unused: defaultdict[str, float] = defaultdict(float)
        self._bursts: dict[str, Burst] = {}

    def limits(self, campaign_id: int, *, rate_per_minute: int | None, for_many: bool) -> tuple[Limit, ...]:
        """The limits of a campaign's messages now, the narrowest first.

        Launches for many keep out of the minutes around full hours and their quarters, but for a trickle, and grow anew after
        them; what happens person by person does not wait.
        """
        found = []
        if rate_per_minute is not None:
            found.append(Limit(f"push campaign {campaign_id}", rate_per_minute, max(1.0, rate_per_minute / 60)))
        if self._pace is not None:
            lasted = _NEVER if near_mark(self._clock.now()) else self._lasted(LAUNCHES)
            if for_many and lasted < self._pace.ramp:
                found.append(Limit(LAUNCHES, self._pace.after(lasted), self._pace.at_once(lasted)))
            lasted = self._lasted(PROJECT)
            found.append(Limit(PROJECT, self._pace.after(lasted), self._pace.at_once(lasted)))
        return tuple(found)

    async def draw(self, limits: Sequence[Limit], want: int) -> int:
        """How many of ``want`` messages may go out now under all of the limits."""
        allowed, taken = float(want), list[Limit]()
        for limit in limits:
            granted = await self._take(limit, allowed)
            self.give_back(taken, allowed - granted)
            taken.append(limit)
            allowed = granted
            if not allowed:
                break
        self.give_back(taken, allowed - int(allowed))
        return int(allowed)

    def give_back(self, limits: Sequence[Limit], unused: float) -> None:
        """Let what was drawn and not sent be drawn again."""
        for limit in limits:
            self._unused[limit.subject] += unused

    def sent(self, *, for_many: bool) -> None:
        """Something goes out now: the bursts that it belongs to go on."""
        now = self._clock.now()
        subjects = [PROJECT, LAUNCHES] if for_many and not near_mark(now) else [PROJECT]
        self._bursts |= {subject: self._burst(subject) for subject in subjects}

    def _burst(self, subject: str) -> Burst:
        """The burst that a message sent now belongs to; asking alone is no sending."""
        now = self._clock.now()
        return self._bursts[subject].at(now) if subject in self._bursts else Burst(now, now)

    def _lasted(self, subject: str) -> timedelta:
        return self._burst(subject).lasted

    async def _take(self, limit: Limit, want: float) -> float:
        given_back, self._unused[limit.subject] = self._unused[limit.subject], 0.0
        async with self._pool.acquire() as connection:
            granted, _ = await rates.take(
                connection,
                subject=limit.subject,
                owed=-given_back,
                want=want,
                per_minute=limit.per_minute,
                most=limit.most,
                now=self._clock.now(),
            )
        return granted
