"""What a push did: the arms as they were drawn, their difference with its interval, and what may be said of it.

The arms stay as they were drawn (intention to treat). Before the declared end the difference of the conversion rates has an
interval that may be looked at any time; at the end it has Newcombe's, money has Welch's, and one verdict is spoken.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import sqrt

from campaigns.intervals import Interval, IntervalKind, always_valid, newcombe, student, unskewed

SMALLEST_ARM = 1_000
"""Customers that each arm needs before a verdict is spoken."""

FEWEST_CONVERSIONS = 10
"""Conversions that each arm must be expected to have, at the common rate of both."""

ASSUMED_RATE = 0.05
"""Share that is assumed to convert where nothing better is known before the launch."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: how many were drawn into it, how many of them converted, what they spent (minor units; its squares and cubes)."""

    customers: int
    conversions: int
    amount: int = 0
    amount_squares: int = 0
    amount_cubes: int = 0

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


def judge(
    treated: Arm,
    control: Arm,
    *,
    ends_at: datetime | None,
    as_of: datetime,
    expected_rate: float = ASSUMED_RATE,
    level: float = 0.95,
    growing: bool = False,
) -> Effect:
    """The effect as it may be shown at ``as_of``, a moment up to which the facts are complete.

    ``expected_rate`` is the share expected to convert by the end; it comes from before the launch, never from
    the arms themselves. ``level`` is that of the intervals (`campaigns.arms` adjusts it where there are several).
    ``growing``: people still come in, so that no interval may be looked at before the end (`campaigns.intervals.always_valid`).
    """
    effect = Effect(treated=treated, control=control, verdict=Verdict.NO_CONTROL, ends_at=ends_at)
    if not control.customers or not treated.customers:
        return effect
    if ends_at is not None and as_of >= ends_at:
        return _at_the_end(effect, level)
    so_far = replace(effect, verdict=_early(treated, control), difference=_difference(treated, control))
    return so_far if growing else _so_far(so_far, expected_rate, level)


def _so_far(effect: Effect, expected_rate: float, level: float) -> Effect:
    """Before the end: nothing that looking early could spoil, so no verdict and no money."""
    treated, control = effect.treated, effect.control
    return replace(
        effect,
        interval=always_valid(
            treated.conversions,
            treated.customers,
            control.conversions,
            control.customers,
            expected_rate=expected_rate,
            level=level,
        ),
        interval_kind=IntervalKind.ALWAYS_VALID,
    )


def _at_the_end(effect: Effect, level: float) -> Effect:
    treated, control = effect.treated, effect.control
    interval = newcombe(treated.conversions, treated.customers, control.conversions, control.customers, level=level)
    return replace(
        effect,
        verdict=_verdict(treated, control, interval),
        difference=_difference(treated, control),
        interval=interval,
        interval_kind=IntervalKind.NEWCOMBE,
        amount_difference=treated.amount / treated.customers - control.amount / control.customers,
        amount_interval=welch(treated, control, level=level),
    )


def _early(treated: Arm, control: Arm) -> Verdict:
    return Verdict.TOO_SMALL if _too_small(treated, control) else Verdict.COLLECTING


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
    of freedom. Most customers spend nothing and a few spend much; a small arm beside a large one makes the plain interval miss
    in up to 13 % of campaigns instead of 5 %, so its ends are moved by P. Hall's transformation (`campaigns.intervals.unskewed`).
    The skewness is taken from both arms together: the small one alone cannot tell it. Arms of one size need no correction.
    """
    if min(treated.customers, control.customers) < 2:  # noqa: PLR2004 - a variance needs two
        return None
    middle = treated.amount / treated.customers - control.amount / control.customers
    parts = [(_variance(arm) / arm.customers, arm.customers - 1) for arm in (treated, control)]
    together = sum(part for part, _ in parts)
    if not together:
        return Interval(middle, middle, level)
    freedom = together**2 / sum(part**2 / free for part, free in parts)
    reach, skew = student((1 + level) / 2, freedom), _skewness_of_difference(treated, control)
    below, above = unskewed(reach, skew), unskewed(-reach, skew)
    return Interval(middle - below * sqrt(together), middle - above * sqrt(together), level)


def _variance(arm: Arm) -> float:
    mean = arm.amount / arm.customers
    return max(0.0, (arm.amount_squares - arm.customers * mean * mean) / (arm.customers - 1))


def _skewness_of_difference(treated: Arm, control: Arm) -> float:
    """The skewness of a difference of two means: that of a customer's money, as both arms show it together."""
    customers = treated.customers + control.customers
    spread = sum(_variance(arm) * arm.customers for arm in (treated, control)) / customers
    third = sum(_third_moment(arm) for arm in (treated, control)) / customers
    first, second = 1 / treated.customers, 1 / control.customers
    return float(third / spread**1.5 * (first * first - second * second) / (first + second) ** 1.5)


def _third_moment(arm: Arm) -> float:
    """The sum of cubes around the arm's mean."""
    mean = arm.amount / arm.customers
    return arm.amount_cubes - 3 * mean * arm.amount_squares + 2 * arm.customers * mean**3
