"""About how many a rule holds of, from a sample, while its last conditions are still being counted of everyone.

What the other conditions say is known of everyone: of whom the rule holds whatever comes, and of whom it cannot. Only among the
rest the sample decides, and the interval is that of its share of them (Wilson's score interval, 95 %).
"""

import math
from dataclasses import dataclass

import polars as pl

_Z = 1.959964
_Z2 = _Z * _Z


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """About how many, and between which numbers it most likely is."""

    size: int
    low: int
    high: int


def estimate(*, certain: int, undecided: int, asked: int, held: int) -> Range:
    """About how many people something holds of.

    Args:
        certain: of so many it does.
        undecided: of so many nobody knows yet.
        asked: of so many of these, drawn at random, it was found out.
        held: of so many of those it holds.
    """
    if not undecided:
        return Range(size=certain, low=certain, high=certain)
    if not asked:
        return Range(size=certain, low=certain, high=certain + undecided)
    share = held / asked
    middle = (share + _Z2 / (2 * asked)) / (1 + _Z2 / asked)
    half = _Z / (1 + _Z2 / asked) * math.sqrt(share * (1 - share) / asked + _Z2 / (4 * asked * asked))
    low, high = max(0.0, middle - half) if held else 0.0, min(1.0, middle + half) if held < asked else 1.0
    step = _step((high - low) / 2 * undecided)
    return Range(
        size=_rounded(certain + share * undecided, step),
        low=max(certain + held, _rounded(certain + low * undecided, step)),
        high=min(certain + undecided, _rounded(certain + high * undecided, step)),
    )


def scaled(groups: pl.DataFrame, *, undecided: int, asked: int) -> pl.DataFrame:
    """``group`` and about its ``size``, of ``certain`` people and ``held`` of those who were asked."""
    factor = undecided / asked if asked else 0.0
    size = (pl.col("certain") + pl.col("held") * factor).round().cast(pl.Int64).alias("size")
    return groups.select("group", size)


def _step(half: float) -> int:
    """What figures are rounded to: a power of ten of half their uncertainty at the most; less would say more than is known."""
    return int(10.0 ** math.floor(math.log10(max(half / 2, 1.0))))


def _rounded(value: float, step: int) -> int:
    return round(value / step) * step
