"""Simulated campaigns whose true effect is known: the intervals of the report hold it as often as they say.

People are drawn into arms and buy by chance; the counts go through `campaigns.effect.judge` as a report's do. 10,000 campaigns
each, so that chance itself moves a coverage by 0.2 points (one standard deviation).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp, log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from campaigns.arms import compare
from campaigns.effect import Arm, Effect, Verdict, judge, welch
from campaigns.intervals import Interval, student

CAMPAIGNS = 10_000
ENDS = datetime(2026, 7, 7, tzinfo=UTC)
Counts = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How people are: what share is held out, how many buy anyway, what a push changes, how baskets spread."""

    people: int
    holdout: float
    rate: float
    rise: float
    spread: float = 0.7
    """Standard deviation of the logarithm of a basket: 0.5 everyday goods, 0.8 a department store, 1.2 jewels and tea."""
    basket: float = 3_000.0
    basket_rise: float = 1.03

    @property
    def difference(self) -> float:
        return self.rate * self.rise

    @property
    def money(self) -> float:
        mean = self.basket * exp(self.spread**2 / 2)
        return self.rate * (1 + self.rise) * mean * self.basket_rise - self.rate * mean


def arms(world: World, source: np.random.Generator, campaigns: int) -> list[tuple[Arm, Arm]]:
    """Treated and control of so many campaigns."""
    control = source.binomial(world.people, world.holdout, campaigns)
    treated = _drawn(source, world.people - control, world.rate * (1 + world.rise), world, world.basket_rise)
    return list(zip(treated, _drawn(source, control, world.rate, world, 1.0), strict=True))


def _drawn(source: np.random.Generator, customers: Counts, rate: float, world: World, times: float) -> list[Arm]:
    buyers = source.binomial(customers, rate)
    spent = np.round(source.lognormal(log(world.basket * times), world.spread, int(buyers.sum())))
    ends = np.cumsum(buyers)
    sums = [_between(spent**power, ends - buyers, ends) for power in (1, 2, 3)]
    return [Arm(*map(int, row)) for row in zip(customers, buyers, *sums, strict=True)]


def _between(values: Counts, first: Counts, last: Counts) -> Counts:
    running = np.concatenate([[0.0], np.cumsum(values)])
    return running[last] - running[first]


def judged(world: World, *, campaigns: int = CAMPAIGNS, seed: int = 2026) -> list[Effect]:
    source = np.random.default_rng(seed)
    return [judge(*both, ends_at=ENDS, as_of=ENDS) for both in arms(world, source, campaigns)]


def holds(interval: Interval | None, truth: float) -> bool:
    assert interval is not None
    return interval.low <= truth <= interval.high


def coverages(world: World, effects: list[Effect]) -> tuple[float, float]:
    """Shares of campaigns whose intervals hold the true difference of rates, and of money."""
    rates = sum(holds(effect.interval, world.difference) for effect in effects)
    money = sum(holds(effect.amount_interval, world.money) for effect in effects)
    return rates / len(effects), money / len(effects)


def plain_welch(treated: Arm, control: Arm) -> Interval:
    """Welch's interval without the correction for skewness."""
    means = [arm.amount / arm.customers for arm in (treated, control)]
    variances = [
        (arm.amount_squares - arm.customers * mean**2) / (arm.customers - 1) / arm.customers
        for arm, mean in zip((treated, control), means, strict=True)
    ]
    reach = student(0.975, 1e6) * sqrt(sum(variances))
    return Interval(means[0] - means[1] - reach, means[0] - means[1] + reach)


SEVERAL = (
    World(people=20_000, holdout=0.05, rate=0.03, rise=0.2),
    World(people=20_000, holdout=0.1, rate=0.02, rise=0.0),
    World(people=10_000, holdout=0.1, rate=0.05, rise=0.5),
    World(people=4_000, holdout=0.5, rate=0.1, rise=-0.2),
)


def test_of_ten_thousand_campaigns_95_in_100_hold_the_truth() -> None:
    each = [coverages(world, judged(world, campaigns=CAMPAIGNS // len(SEVERAL))) for world in SEVERAL]
    rates, money = (sum(shares) / len(each) for shares in zip(*each, strict=True))
    assert rates == pytest.approx(0.95, abs=0.01)
    assert money == pytest.approx(0.95, abs=0.01)


def test_without_the_correction_a_small_control_makes_money_miss_too_often() -> None:
    world = World(people=10_000, holdout=0.1, rate=0.03, rise=0.2, spread=0.8)
    seen = arms(world, np.random.default_rng(5), 2_000)
    plain = sum(holds(plain_welch(*both), world.money) for both in seen) / len(seen)
    mended = sum(holds(welch(*both), world.money) for both in seen) / len(seen)
    assert plain < 0.93
    assert mended == pytest.approx(0.95, abs=0.015)


def test_three_variants_without_effect_seldom_deceive_and_their_intervals_hold_together() -> None:
    source = np.random.default_rng(3)
    campaigns = 700
    counts = source.binomial([3_000, 3_000, 3_000, 1_000], 0.05, size=(campaigns, 4))
    deceived = together = 0
    for one, two, three, none in counts.tolist():
        variants = {"A": Arm(3_000, one), "B": Arm(3_000, two), "C": Arm(3_000, three)}
        found = compare(variants, Arm(1_000, none), ends_at=ENDS, as_of=ENDS)
        deceived += any(each.effect.verdict in {Verdict.RAISED, Verdict.LOWERED} for each in found)
        together += all(holds(each.effect.interval, 0.0) for each in found)
    slack = 2 * sqrt(0.05 * 0.95 / campaigns)
    assert deceived / campaigns <= 0.05 + slack
    assert together / campaigns >= 0.95 - slack


GRID = [
    World(people=people, holdout=holdout, rate=rate, rise=rise, spread=spread)
    for people, holdout in ((20_000, 0.05), (20_000, 0.1), (20_000, 0.2), (4_000, 0.5), (100_000, 0.01))
    for rate, rise, spread in ((0.02, 0.0, 0.5), (0.03, 0.3, 0.8), (0.1, 0.1, 0.8), (0.1, -0.2, 0.5))
]
HEAVY = [
    World(people=people, holdout=holdout, rate=0.05, rise=0.1, spread=spread)
    for people, holdout in ((20_000, 0.05), (50_000, 0.05), (20_000, 0.2))
    for spread in (1.0, 1.2)
]


@pytest.mark.prove
@pytest.mark.parametrize("world", GRID, ids=str)
def test_each_kind_of_campaign_holds_the_truth_by_itself(world: World) -> None:
    rates, money = coverages(world, judged(world))
    assert rates == pytest.approx(0.95, abs=0.01)
    assert money == pytest.approx(0.95, abs=0.01)


@pytest.mark.prove
@pytest.mark.parametrize("world", HEAVY, ids=str)
def test_where_few_baskets_make_up_the_sales_money_errs_to_the_safe_side(world: World) -> None:
    rates, money = coverages(world, judged(world))
    assert rates == pytest.approx(0.95, abs=0.01)
    assert 0.94 <= money <= 0.975


@pytest.mark.prove
@pytest.mark.parametrize("world", SEVERAL, ids=str)
def test_an_effect_that_is_not_there_is_seldom_told(world: World) -> None:
    nothing = World(people=world.people, holdout=world.holdout, rate=world.rate, rise=0.0)
    told = sum(effect.verdict in {Verdict.RAISED, Verdict.LOWERED} for effect in judged(nothing, seed=11))
    assert told / CAMPAIGNS <= 0.06
