"""Intervals of proportions and their difference: at a declared end, and at any moment before it."""

from dataclasses import dataclass
from enum import StrEnum
from math import cbrt, log, sqrt
from statistics import NormalDist


class IntervalKind(StrEnum):
    """What an interval may be used for."""

    ALWAYS_VALID = "always_valid"
    """However often somebody looks, and whenever somebody stops, it misses in 5 % of campaigns at most."""
    NEWCOMBE = "newcombe"
    """For one look, at the declared end."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval with its level, 0.95 unless said otherwise."""

    low: float
    high: float
    level: float = 0.95


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


def newcombe_p(successes_1: int, trials_1: int, successes_2: int, trials_2: int) -> float:
    """How surprising the difference would be if there were none: one less the level at which `newcombe` just touches zero."""
    if successes_1 * trials_2 == successes_2 * trials_1:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        interval = newcombe(successes_1, trials_1, successes_2, trials_2, level=middle)
        if interval.low <= 0 <= interval.high:
            high = middle
        else:
            low = middle
        if high - low < 1e-9:  # noqa: PLR2004 - far finer than any level that is asked for
            break
    return 1 - low


def unskewed(standard: float, skewness: float) -> float:
    """Where a standardised mean of that skewness stands when a symmetric one stands at ``standard``.

    The inverse of P. Hall's monotone cubic ("On the removal of skewness by transformation", Journal of the Royal Statistical
    Society B 54, 1992); for two samples X.-H. Zhou and P. Dinh, "Nonparametric confidence intervals for the one- and
    two-sample problems", Biostatistics 6 (2005). ``skewness`` is that of the mean itself: of the population, over √n.
    """
    if abs(skewness) < 1e-6:  # noqa: PLR2004 - the limit, before it becomes 0 / 0
        return standard
    return 3 / skewness * (cbrt(1 + skewness * (standard - skewness / 6)) - 1)


def always_valid(
    successes_1: int,
    trials_1: int,
    successes_2: int,
    trials_2: int,
    *,
    expected_rate: float,
    level: float = 0.95,
) -> Interval:
    """Interval of p1 − p2 so far, for two groups drawn beforehand whose successes come in over time.

    Over all looks together it holds the true difference of that moment with probability ``level``. Robbins'
    normal-mixture boundary around the running difference: half its width is
    ``sqrt((V + rho) * ln((V + rho) / (rho * alpha**2)))`` (H. Robbins, "Statistical methods related to the law of
    the iterated logarithm", Annals of Mathematical Statistics 41, 1970; S. R. Howard, A. Ramdas, J. McAuliffe and
    J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021,
    two-sided normal mixture). V is the variance of the difference so far: the groups stand still while successes
    add up, so it *grows* with time and is the time in which the difference moves like a random walk. (Where the
    groups grow instead, V is one over the variance, and this boundary does not apply.)

    Asymptotic: it leans on the normal limit and on an estimated V, with one success and one failure added
    to each group (A. Agresti and B. Caffo, American Statistician 54, 2000), so that no success is not no doubt.

    Args:
        successes_1: so far, of ``trials_1``.
        trials_1: size of the first group, at least 1.
        successes_2: so far, of ``trials_2``.
        trials_2: size of the second group, at least 1.
        expected_rate: share of successes expected at the end, where the interval is made narrowest. Any value
            that does not come from these successes keeps it valid.
        level: confidence.
    """
    miss = 1 - level
    middle = successes_1 / trials_1 - successes_2 / trials_2
    grown = _smoothed_variance(successes_1, trials_1) + _smoothed_variance(successes_2, trials_2)
    rho = expected_rate * (1 - expected_rate) * (1 / trials_1 + 1 / trials_2) / _tuning(miss)
    half = sqrt((grown + rho) * log((grown + rho) / (rho * miss * miss)))
    return Interval(max(-1.0, middle - half), min(1.0, middle + half), level)


def _smoothed_variance(successes: int, trials: int) -> float:
    share = (successes + 1) / (trials + 2)
    return share * (1 - share) / (trials + 2)


def _tuning(miss: float) -> float:
    """The ratio V / rho at which Robbins' boundary is narrowest: the root of x = ln(1 + x) − 2 ln(miss)."""
    ratio = 1.0
    for _ in range(30):
        ratio = log(1 + ratio) - 2 * log(miss)
    return ratio


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
