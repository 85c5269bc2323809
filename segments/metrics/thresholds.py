"""How long a customer may stay away: thresholds T1, T2, T3 in business days, drawn from the shop's own gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

HISTORY_DAYS = 365
GAPS = 500
"""Below either of these the shop's own gaps say too little, and `PROVISIONAL` holds."""

PROVISIONAL = (60, 120, 240)

_SHORTEST = 14
"""Floor of T1, and the least by which T2 lies above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """One version of the thresholds.

    Attributes:
        version: its number; 0 for one that is not stored.
        since: the first business day it is in force.
        t1: beyond it a customer is at risk (離反予備軍).
        t2: beyond it dormant (休眠).
        t3: beyond it churned (離反).
        provisional: set defaults, since the shop's own gaps say too little so far (暫定).
    """

    version: int
    since: date
    t1: int
    t2: int
    t3: int
    provisional: bool = False


def from_gaps(gaps: Mapping[int, int], *, history_days: int, since: date, version: int = 0) -> Thresholds:
    """Thresholds from gaps between distinct purchase days.

    T1 is the 75th percentile (at least 14 days), T2 the 90th (at least T1 + 14), T3 twice T2; percentiles by linear
    interpolation, rounded up to whole days.

    Args:
        gaps: how often each gap (days) occurred before ``since``.
        history_days: how many days of history there were before ``since``.
        since: the first business day the thresholds will be in force.
        version: its number.
    """
    if history_days < HISTORY_DAYS or sum(gaps.values()) < GAPS:
        t1, t2, t3 = PROVISIONAL
        return Thresholds(version=version, since=since, t1=t1, t2=t2, t3=t3, provisional=True)
    t1 = max(percentile_up(gaps, 75), _SHORTEST)
    t2 = max(percentile_up(gaps, 90), t1 + _SHORTEST)
    return Thresholds(version=version, since=since, t1=t1, t2=t2, t3=2 * t2)


def percentile_up(counts: Mapping[int, int], percent: int) -> int:
    """A percentile by linear interpolation, rounded up; in whole numbers, so that no rounding error lifts it by a day."""
    place, part = divmod((sum(counts.values()) - 1) * percent, 100)
    low, high = _value_at(counts, place), _value_at(counts, place + bool(part))
    return low + -(-(high - low) * part // 100)


def latest(versions: Sequence[Thresholds], *, on: date) -> Thresholds | None:
    """The version in force on a day: of those that began by then the one that began last, and of equals the newest."""
    begun = [one for one in versions if one.since <= on]
    return max(begun, key=lambda one: (one.since, one.version)) if begun else None


def _value_at(counts: Mapping[int, int], place: int) -> int:
    """The value at a place, from 0, of the sorted values."""
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if place < seen:
            return value
    raise IndexError(place)
