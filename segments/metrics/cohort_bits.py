"""Retention from the activity bitmaps of the customer frame: who came back when, without looking into history.

Of each customer who started, the bits from his own period 0 on are put together in one word; bits of many customers are then
counted eight at a time, by how often each pattern of eight occurs in each cohort.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segments.metrics.metric import Options
from segments.reduce.bitmaps import ACTIVITIES, UNITS, WORD

Words: TypeAlias = npt.NDArray[np.uint64]
Numbers: TypeAlias = npt.NDArray[np.int64]

FARTHEST = 52
"""The last period after the first that is looked at: as many bits as a float holds exactly, and as a year has weeks."""

_BYTE = 8
_PATTERNS = 1 << _BYTE
_BITS_OF = (np.arange(_PATTERNS)[:, None] >> np.arange(_BYTE)) & 1
"""Pattern × bit: whether the bit is set."""


def answers(options: Options) -> bool:
    """Whether bitmaps hold all that such a retention looks at."""
    if int(options["k"]) != 1 or options["unit"] not in UNITS or options["start_where"] or options["return_where"]:
        return False
    return {options["start"], options["return"]} <= {*ACTIVITIES} and farthest(options) <= FARTHEST


def farthest(options: Options) -> int:
    """The last period after a customer's first that counts."""
    if options["type"] == "range":
        return int(options["b"])
    horizon = int(options["horizon"])
    return horizon if options["type"] == "rolling" else max(int(options["periods"]), horizon)


def first_period(words: Mapping[int, str]) -> pl.Expr:
    """The number of the first period with a bit; null where no bit is set."""
    found = (
        pl.when(pl.col(name) != 0).then(pl.col(name).bitwise_trailing_zeros().cast(pl.Int64) + number * WORD)
        for number, name in sorted(words.items())
    )
    return pl.coalesce(*found) if words else pl.lit(None, pl.Int64)


def active_in(words: Mapping[int, str], period: int) -> pl.Expr:
    """Whether the bit of a period is set."""
    name = words.get(period // WORD)
    return pl.lit(value=False) if name is None else (pl.col(name) & (1 << period % WORD)) != 0


@dataclass(frozen=True, slots=True)
class Starters:
    """Who started, a place a (customer, cohort).

    Attributes:
        cohorts: number of the period in which each started.
        bits: in which periods each came back: bit ``m`` for the period ``m`` after it, up to `FARTHEST`.
    """

    cohorts: Numbers
    bits: Words


def starters(rows: pl.DataFrame, words: Mapping[int, str], number: int) -> Starters:
    """From rows with ``cohort`` and the columns of the return event's words; all cohorts lie in the word ``number``."""
    cohorts = rows.get_column("cohort").to_numpy()
    place = (cohorts - number * WORD).astype(np.uint64)
    low, high = (_word(rows, words, each) for each in (number, number + 1))
    # Bit 63 is nobody's: of the next word it would be the first bit once more.
    bits: Words = ((low >> place) | (high << (np.uint64(WORD) - place))) & np.uint64((1 << FARTHEST + 1) - 1)
    return Starters(cohorts, bits)


def together(parts: Sequence[Starters]) -> Starters:
    """Everyone of several parts."""
    return Starters(np.concatenate([one.cohorts for one in parts]), np.concatenate([one.bits for one in parts]))


def _word(rows: pl.DataFrame, words: Mapping[int, str], number: int) -> Words:
    name = words.get(number)
    return np.zeros(rows.height, np.uint64) if name is None else rows.get_column(name).to_numpy().view(np.uint64)


def count(who: Starters, options: Options) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """(``cohort``, ``denominator``) and (``cohort``, ``period``, ``numerator``), as `segments.metrics.retention` counts them."""
    begins = int(who.cohorts.min()) if len(who.cohorts) else 0
    place = who.cohorts - begins
    sizes = np.bincount(place)
    counted = _counts(place, len(sizes), who.bits, options)
    periods = np.array(list(counted), np.int64)
    numbers = begins + np.arange(len(sizes))
    table = pl.DataFrame(
        {
            "cohort": np.repeat(numbers, len(periods)),
            "period": np.tile(periods, len(sizes)),
            "numerator": np.stack(list(counted.values()), axis=1).ravel(),
        }
    )
    started = pl.DataFrame({"cohort": numbers, "denominator": sizes}).filter(pl.col("denominator") > 0)
    return started.lazy(), table.lazy()


def _counts(place: Numbers, cohorts: int, bits: Words, options: Options) -> dict[int, Numbers]:
    """Customers by period shown, an array over the cohorts each."""
    last = farthest(options)
    if options["type"] == "exact":
        return dict(_by_bit(place, cohorts, bits, last))
    low = 0 if options["type"] == "rolling" else int(options["a"])
    asked = bits & np.uint64((1 << last + 1) - (1 << low))
    came = asked != 0
    if options["type"] == "range":
        return {low: np.bincount(place[came], minlength=cohorts)}
    # The last period of each: the exponent of a float is the number of the highest bit.
    latest = np.frexp(asked[came].astype(np.float64))[1] - 1
    width = last + 1
    ends = np.bincount(place[came] * width + latest, minlength=cohorts * width).reshape(cohorts, width)
    left = ends[:, ::-1].cumsum(axis=1)[:, ::-1]
    return {m: left[:, m] for m in range(width)}


def _by_bit(place: Numbers, cohorts: int, bits: Words, last: int) -> Iterator[tuple[int, Numbers]]:
    """For each bit up to the last how many of each cohort have it."""
    for start in range(0, last + 1, _BYTE):
        pattern = (bits >> np.uint64(start)).astype(np.uint8)
        often = np.bincount(place * _PATTERNS + pattern, minlength=cohorts * _PATTERNS).reshape(cohorts, _PATTERNS)
        counts = often @ _BITS_OF
        yield from ((start + bit, counts[:, bit]) for bit in range(min(_BYTE, last + 1 - start)))
