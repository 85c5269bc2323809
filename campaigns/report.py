"""A campaign's report: people who add up, and what the push did to them.

People: targeted = left out + control + waiting + in flight + accepted + failed + unknown + cancelled + expired.
Effect: the arms as they were drawn (intention to treat), the difference of their conversion rates with an
interval that may be looked at any time, and at the declared end Newcombe's interval and one verdict.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import sqrt

from campaigns.intervals import Interval, IntervalKind, always_valid, newcombe, student

SMALLEST_ARM = 1_000
"""Customers that each arm needs before a verdict is spoken."""

FEWEST_CONVERSIONS = 10
"""Conversions that each arm must be expected to have, at the common rate of both."""

ASSUMED_RATE = 0.05
"""Share that is assumed to convert where nothing better is known before the launch."""


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
    """The window has not ended: an interval that looking does not spoil, and no verdict yet."""
    NO_CONTROL = "no_control"
    """Nobody was held out: there is nothing to compare with."""
    TOO_SMALL = "too_small"
    """An arm has under 1,000 customers or under 10 expected conversions (so far): interval yes, verdict no."""
    NO_DIFFERENCE = "no_difference"
    RAISED = "raised"
    LOWERED = "lowered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Both arms and what may be said of their difference (treated − control).

    Attributes:
        difference: of the conversion rates so far; None without a control.
        interval: of that difference, 95 %; None likewise.
        interval_kind: ``always_valid`` before the declared end, ``newcombe`` from then on; None without interval.
        amount_difference: money per customer, minor units, with ``amount_interval`` after Welch; None before the end.
        ends_at: the declared end, when the one verdict is spoken.
        left_out_merged: customers who stand in both arms after a merge, counted in neither.
    """

    treated: Arm
    control: Arm
    verdict: Verdict
    difference: float | None = None
    interval: Interval | None = None
    interval_kind: IntervalKind | None = None
    amount_difference: float | None = None
    amount_interval: Interval | None = None
    ends_at: datetime | None = None
    left_out_merged: int = 0


def judge(
    treated: Arm,
    control: Arm,
    *,
    ends_at: datetime,
    as_of: datetime,
    expected_rate: float = ASSUMED_RATE,
    left_out_merged: int = 0,
) -> Effect:
    """The effect as it may be shown at ``as_of``, a moment up to which the facts are complete.

    ``expected_rate`` is the share expected to convert by the end; it comes from before the launch, never from
    the arms themselves.
    """
    effect = Effect(
        treated=treated,
        control=control,
        verdict=Verdict.NO_CONTROL,
        ends_at=ends_at,
        left_out_merged=left_out_merged,
    )
    if not control.customers or not treated.customers:
        return effect
    return _at_the_end(effect) if as_of >= ends_at else _so_far(effect, expected_rate)


def _so_far(effect: Effect, expected_rate: float) -> Effect:
    """Before the end: nothing that looking early could spoil, so no verdict and no money."""
    treated, control = effect.treated, effect.control
    return replace(
        effect,
        verdict=Verdict.TOO_SMALL if _too_small(treated, control) else Verdict.COLLECTING,
        difference=_difference(treated, control),
        interval=always_valid(
            treated.conversions,
            treated.customers,
            control.conversions,
            control.customers,
            expected_rate=expected_rate,
        ),
        interval_kind=IntervalKind.ALWAYS_VALID,
    )


def _at_the_end(effect: Effect) -> Effect:
    treated, control = effect.treated, effect.control
    interval = newcombe(treated.conversions, treated.customers, control.conversions, control.customers)
    return replace(
        effect,
        verdict=_verdict(treated, control, interval),
        difference=_difference(treated, control),
        interval=interval,
        interval_kind=IntervalKind.NEWCOMBE,
        amount_difference=treated.amount / treated.customers - control.amount / control.customers,
        amount_interval=welch(treated, control),
    )


def _difference(treated: Arm, control: Arm) -> float:
    return treated.conversions / treated.customers - control.conversions / control.customers


def _verdict(treated: Arm, control: Arm, interval: Interval) -> Verdict:
    if _too_small(treated, control):
        return Verdict.TOO_SMALL
    if interval.low > 0:
        return Verdict.RAISED
    return Verdict.LOWERED if interval.high < 0 else Verdict.NO_DIFFERENCE


def _too_small(treated: Arm, control: Arm) -> bool:
    smaller = min(treated.customers, control.customers)
    common = (treated.conversions + control.conversions) / (treated.customers + control.customers)
    return smaller < SMALLEST_ARM or smaller * common < FEWEST_CONVERSIONS


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


def _variance(arm: Arm) -> float:
    mean = arm.amount / arm.customers
    return max(0.0, (arm.amount_squares - arm.customers * mean * mean) / (arm.customers - 1))
