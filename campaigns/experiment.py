"""Who gets the push and who is held out: a stable draw, and what a holdout of a given size can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import accumulate
from math import sqrt
from statistics import NormalDist
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from campaigns.effect import FEWEST_CONVERSIONS, SMALLEST_ARM
from segments.rules.share import PLACES, SPOTS, first_place, places, spot, spot_of

BUCKETS = SPOTS
"""A draw lands in one of these; a holdout of 5 % is the first 500."""

SHARES = (1, 2, 3, 5, 7.5, 10, 15, 20, 30, 40, 50)
"""Holdouts, in percent, that are suggested."""


class ArmName(StrEnum):
    """The arms of a campaign."""

    TREATED = "treated"
    CONTROL = "control"


def bucket(salt: str, customer_id: int) -> int:
    """Where a customer falls for one campaign: 0 to 9,999, the same on every machine and at every time.

    Drawn by the campaign's salt, so that being held out of one campaign says nothing about another; see `segments.rules.share`.
    """
    return spot_of(customer_id, _drawn_by(salt))


def bucketed(salt: str) -> pl.Expr:
    """`bucket` over a column ``customer_id``: ten million people take a second."""
    return spot(_drawn_by(salt))


@dataclass(frozen=True, slots=True)
class Draw:
    """`bucket` of many at once, outside of a frame.

    Attributes:
        word: what it is drawn by.
    """

    word: str

    @classmethod
    def of(cls, salt: str) -> "Draw":
        """By a campaign's salt."""
        return cls(_drawn_by(salt))

    def places(self, customer_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where each stands, finer than by buckets."""
        return places(customer_ids, self.word)

    def below(self, customer_ids: npt.NDArray[np.int64], percent: float) -> npt.NDArray[np.bool_]:
        """Who is among the first so many percent of all."""
        return self.is_below(self.places(customer_ids), percent)

    def is_below(self, found: npt.NDArray[np.int64], percent: float) -> npt.NDArray[np.bool_]:
        """The same of `places`."""
        return found < first_place(self.buckets_below(percent))

    def buckets_below(self, percent: float) -> int:
        """`held_out_below`: so many buckets are so many percent."""
        return held_out_below(percent)

    def bucket(self, customer_id: int) -> int:
        """`bucket`."""
        return spot_of(customer_id, self.word)

    def bucket_at(self, place: int) -> int:
        """The bucket of one of `places`."""
        return place * SPOTS // PLACES

    def end_of(self, number: int) -> int:
        """The first place of the next bucket."""
        return first_place(number + 1)


def _drawn_by(salt: str) -> str:
    """Apart from a segment's draw by the same word."""
    return f"campaign {salt}"


def held_out_below(holdout_percent: float) -> int:
    """Buckets below this number are the control arm."""
    return round(holdout_percent * BUCKETS / 100)


def arm(salt: str, customer_id: int, *, holdout_percent: float) -> ArmName:
    """The arm of one customer."""
    return ArmName.CONTROL if bucket(salt, customer_id) < held_out_below(holdout_percent) else ArmName.TREATED


def smallest_effect(
    base_rate: float, *, treated: int, control: int, level: float = 0.95, power: float = 0.8
) -> float | None:
    """The smallest rise over ``base_rate`` (a share) that the two arms show with ``power``; None if nothing does.

    Two-sided test of two proportions, arms of different size: J. L. Fleiss, "Statistical Methods for Rates and
    Proportions", formula for the sample size without continuity correction, solved for the difference.
    """
    if treated < 1 or control < 1 or not 0 <= base_rate < 1:
        return None
    show = partial(_is_shown, base_rate, treated=treated, control=control, level=level, power=power)
    low, high = 0.0, 1 - base_rate
    if not show(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if show(middle):
            high = middle
        else:
            low = middle
    return high


def _is_shown(base: float, rise: float, *, treated: int, control: int, level: float, power: float) -> bool:
    normal = NormalDist()
    other = base + rise
    common = (base * control + other * treated) / (control + treated)
    under_null = sqrt(max(0.0, common * (1 - common)) * (1 / control + 1 / treated))
    under_effect = sqrt(base * (1 - base) / control + max(0.0, other * (1 - other)) / treated)
    return rise >= normal.inv_cdf((1 + level) / 2) * under_null + normal.inv_cdf(power) * under_effect


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A holdout to choose, in percent, and the smallest effect it can show."""

    holdout_percent: float
    smallest_effect: float


def suggest_holdout(people: int, *, base_rate: float, worth_seeing: float = 0.02) -> Suggestion | None:
    """The smallest share that makes a verdict possible and shows a rise of ``worth_seeing`` (a share).

    Where none shows so small a rise, the one that shows the smallest; None where no share gives both arms
    1,000 customers and 10 expected conversions.
    """
    possible = []
    for share in SHARES:
        control = int(people * share / 100)
        effect = smallest_effect(base_rate, treated=people - control, control=control)
        if effect is None or control < SMALLEST_ARM or control * base_rate < FEWEST_CONVERSIONS:
            continue
        if effect <= worth_seeing:
            return Suggestion(share, effect)
        possible.append(Suggestion(share, effect))
    return min(possible, key=lambda suggestion: suggestion.smallest_effect, default=None)


class Share(Protocol):
    """One of several things that are compared."""

    @property
    def name(self) -> str:
        """How it is told apart."""
        ...

    @property
    def share(self) -> float:
        """Percent of the treated who get it."""
        ...


def variant_of(salt: str, customer_id: int, variants: Sequence[Share]) -> str:
    """Which variant a customer gets: the same one at every occurrence, whatever arm another draw puts him into."""
    drawn = bucket(f"{salt} variants", customer_id)
    return next((name for name, end in _ends(variants) if drawn < end), variants[-1].name)


def variant_column(salt: str, variants: Sequence[Share]) -> pl.Expr:
    """`variant_of` over a column ``customer_id``."""
    found = pl.lit(variants[-1].name)
    for name, end in reversed(_ends(variants)):
        found = pl.when(bucketed(f"{salt} variants") < end).then(pl.lit(name)).otherwise(found)
    return found.alias("variant")


def _ends(variants: Sequence[Share]) -> list[tuple[str, int]]:
    """Of every variant but the last, which gets what is left, the bucket before which it ends."""
    upto = accumulate(variant.share for variant in variants)
    return [(variant.name, held_out_below(end)) for variant, end in zip(variants[:-1], upto, strict=False)]
