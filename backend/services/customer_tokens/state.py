"""What people see of a source's customer tokens: keys, and how many events had which verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from segments.tokens import TokenMode, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """One public key of a source; retired ones stay in the list."""

    kid: str
    algorithm: str
    public_key: str
    added_at: datetime
    added_by: str
    last_used: datetime | None
    retired_at: datetime | None
    retired_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfVerdicts:
    """How many events of a received day (UTC) had to prove their customer: proven, and not, by verdict."""

    day: date
    valid: int
    unverified: int
    by_verdict: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """What a source asks, with which keys, and what came of it in the last days, newest first."""

    source: str
    mode: TokenMode
    keys: tuple[TokenKey, ...]
    days: tuple[DayOfVerdicts, ...]

    @property
    def by_verdict(self) -> dict[str, int]:
        """Events of all these days by verdict, the most frequent first."""
        total: dict[str, int] = {}
        for day in self.days:
            for verdict, events in day.by_verdict.items():
                total[verdict] = total.get(verdict, 0) + events
        return dict(sorted(total.items(), key=lambda each: (-each[1], each[0])))


def days_of(counts: Sequence[Mapping[str, Any]]) -> tuple[DayOfVerdicts, ...]:
    """Counts per day and verdict, as the database gives them, day by day."""
    days: dict[date, dict[str, int]] = {}
    for count in counts:
        days.setdefault(count["received_day"], {})[count["verdict"]] = count["events"]
    return tuple(_day(day, by_verdict) for day, by_verdict in days.items())


def _day(day: date, by_verdict: dict[str, int]) -> DayOfVerdicts:
    valid = by_verdict.get(Verdict.VALID, 0)
    return DayOfVerdicts(day=day, valid=valid, unverified=sum(by_verdict.values()) - valid, by_verdict=by_verdict)
