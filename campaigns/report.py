"""A campaign's report: people who add up, and what the push did to them.

People: targeted = left out + control + waiting + in flight + accepted + failed + unknown + cancelled + expired.
Effect: the arms as they were drawn (intention to treat), the difference of their conversion rates with
Newcombe's interval, and one verdict at the declared end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

SMALLEST_ARM = 1_000
"""Customers that each arm needs before a verdict is spoken."""

FEWEST_CONVERSIONS = 10
"""Conversions that each arm must be expected to have, at the common rate of both."""


@dataclass(frozen=True, slots=True)
class PeopleGroup:
    """People of one campaign who share arm, reason and the set of states of their devices' deliveries."""

    arm: str | None
    left_out: str | None
    states: frozenset[str]
    reasons: frozenset[str]
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Where everyone who was targeted stands; the parts add up to ``targeted``."""

    targeted: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    control: int = 0
    waiting: int = 0
    in_flight: int = 0
    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0
    expired: int = 0

    @property
    def left_out_total(self) -> int:
        """Everyone left out, whatever the reason."""
        return sum(self.left_out.values())


_BEST_FIRST = (
    ("accepted", {"accepted"}),
    ("in_flight", {"claimed", "sending"}),
    ("waiting", {"planned"}),
    ("unknown", {"unknown"}),
    ("failed", {"rejected"}),
    ("expired", {"expired"}),
    ("cancelled", {"cancelled"}),
)
"""A person with several devices counts once, by the best that happened to any of them."""


def add_up(groups: Iterable[PeopleGroup]) -> People:
    """Count every person exactly once."""
    counts: dict[str, int] = {}
    left_out: dict[str, int] = {}
    for group in groups:
        counts["targeted"] = counts.get("targeted", 0) + group.people
        place = _place_of(group)
        into, name = (left_out, place.removeprefix("left_out:")) if place.startswith("left_out:") else (counts, place)
        into[name] = into.get(name, 0) + group.people
    return People(left_out=dict(sorted(left_out.items())), **counts)


def _place_of(group: PeopleGroup) -> str:
    """Treated without any delivery: the last address went away in the moment of the launch."""
    if group.arm == "control":
        return "control"
    if group.arm is None:
        return f"left_out:{group.left_out or 'other'}"
    for place, states in _BEST_FIRST:
        if group.states & states:
            return place
    return f"left_out:{min(group.reasons, default='address')}"


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval with its level, 0.95 unless said otherwise."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: how many were drawn into it, how many of them converted, what they spent (minor units)."""

    customers: int
    conversions: int
    amount: int = 0
    amount_squares: int = 0

    @property
    def rate(self) -> float | None:
        """Share that converted; None of nobody."""
        return self.conversions / self.customers if self.customers else None


class Verdict(StrEnum):
    """What may be said about the effect."""

    COLLECTING = "collecting"
    """The window has not ended: no interval, so that nobody stops at a lucky moment."""
    NO_CONTROL = "no_control"
    """Nobody was held out: there is nothing to compare with."""
    TOO_SMALL = "too_small"
    """An arm has under 1,000 customers or under 10 expected conversions: interval yes, verdict no."""
    NO_DIFFERENCE = "no_difference"
    RAISED = "raised"
    LOWERED = "lowered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Both arms and what may be said of their difference (treated − control).

    Attributes:
        difference: of the conversion rates; None while collecting or without a control.
        interval: Newcombe's, 95 %; None likewise.
        amount_difference: money per customer, minor units, with ``amount_interval`` after Welch.
        ends_at: the declared end, when the one verdict is spoken.
        left_out_merged: customers who stand in both arms after a merge, counted in neither.
    """

    treated: Arm
    control: Arm
    verdict: Verdict
    difference: float | None = None
    interval: Interval | None = None
    amount_difference: float | None = None
    amount_interval: Interval | None = None
    ends_at: datetime | None = None
    left_out_merged: int = 0


def judge(treated: Arm, control: Arm, *, ends_at: datetime, as_of: datetime, left_out_merged: int = 0) -> Effect:
    """The effect as it may be shown at ``as_of``, a moment up to which the facts are complete."""
    if not control.customers or not treated.customers:
        return Effect(
            treated=treated,
            control=control,
            verdict=Verdict.NO_CONTROL,
            ends_at=ends_at,
            left_out_merged=left_out_merged,
        )
    if as_of < ends_at:
        return Effect(
            treated=treated,
            control=control,
            verdict=Verdict.COLLECTING,
            ends_at=ends_at,
            left_out_merged=left_out_merged,
        )
    interval = newcombe(treated.conversions, treated.customers, control.conversions, control.customers)
    return Effect(
        treated=treated,
        control=control,
        verdict=_verdict(treated, control, interval),
        difference=treated.conversions / treated.customers - control.conversions / control.customers,
        interval=interval,
        amount_difference=treated.amount / treated.customers - control.amount / control.customers,
        amount_interval=welch(treated, control),
        ends_at=ends_at,
        left_out_merged=left_out_merged,
    )


def _verdict(treated: Arm, control: Arm, interval: Interval) -> Verdict:
    smaller = min(treated.customers, control.customers)
    common = (treated.conversions + control.conversions) / (treated.customers + control.customers)
    if smaller < SMALLEST_ARM or smaller * common < FEWEST_CONVERSIONS:
        return Verdict.TOO_SMALL
    if interval.low > 0:
        return Verdict.RAISED
    return Verdict.LOWERED if interval.high < 0 else Verdict.NO_DIFFERENCE


def wilson(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of one proportion (E. B. Wilson, JASA 22, 1927)."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = successes / trials
    centre = p + z * z / (2 * trials)
    spread = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale), level)


def newcombe(successes_1: int, trials_1: int, successes_2: int, trials_2: int, *, level: float = 0.95) -> Interval:
    """Interval of p1 − p2 from the two Wilson intervals.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), method 10 (hybrid score, no continuity correction).
    """
    p1, p2 = successes_1 / trials_1, successes_2 / trials_2
    first, second = wilson(successes_1, trials_1, level=level), wilson(successes_2, trials_2, level=level)
    below = sqrt((p1 - first.low) ** 2 + (second.high - p2) ** 2)
    above = sqrt((first.high - p1) ** 2 + (p2 - second.low) ** 2)
    return Interval(p1 - p2 - below, p1 - p2 + above, level)


def welch(treated: Arm, control: Arm, *, level: float = 0.95) -> Interval | None:
    """Interval of the difference in money per customer, unequal variances; None under two customers an arm.

    B. L. Welch, "The generalization of Student's problem", Biometrika 34 (1947), with Satterthwaite's degrees
    of freedom.
    """
    if min(treated.customers, control.customers) < 2:  # noqa: PLR2004 - a variance needs two
        return None
    middle = treated.amount / treated.customers - control.amount / control.customers
    parts = [(_variance(arm) / arm.customers, arm.customers - 1) for arm in (treated, control)]
    together = sum(part for part, _ in parts)
    if not together:
        return Interval(middle, middle, level)
    freedom = together**2 / sum(part**2 / free for part, free in parts)
    spread = student((1 + level) / 2, freedom) * sqrt(together)
    return Interval(middle - spread, middle + spread, level)


def student(probability: float, freedom: float) -> float:
    """Quantile of Student's t by its expansion around the normal quantile, within 0.2 % from 5 degrees on.

    M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", formula 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(float(term / freedom**power) for power, term in enumerate(terms, 1))


def _variance(arm: Arm) -> float:
    mean = arm.amount / arm.customers
    return max(0.0, (arm.amount_squares - arm.customers * mean * mean) / (arm.customers - 1))
