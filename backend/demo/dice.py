"""Chance that can be repeated: numbers drawn by hashing keys, so that the same seed gives the same shop.

A draw depends on nothing but the seed, its own name and its keys (a member's number, a week, …): neither on the
order of rows nor on the size of the population. Everything is a Polars expression, so a million draws take
milliseconds. The hash is SplitMix64's finaliser, written out because Polars' own may change between releases.
"""

import hashlib
from collections.abc import Sequence
from functools import reduce
from operator import add

import polars as pl

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_SLOTS = 2048


class Dice:
    """Draws by name and keys.

    Attributes:
        seed: any integer; two dice with the same seed agree for ever.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, name: str, *keys: str) -> pl.Expr:
        """64 random bits for each row, as UInt64; ``keys`` are integer columns, none negative."""
        digest = hashlib.blake2b(f"{self.seed}:{name}".encode(), digest_size=8).digest()
        # Keys are weighed and added, then mixed once: an expression names its input twice, so mixing key by key
        # would let the expression grow eightfold with each.
        weighed = [pl.col(key).cast(pl.UInt64) * _whole(_odd(place)) for place, key in enumerate(keys)]
        return _mix(reduce(add, weighed, _whole(int.from_bytes(digest, "big"))))

    def uniform(self, name: str, *keys: str) -> pl.Expr:
        """A number from 0 (included) to 1 (excluded)."""
        return (self.bits(name, *keys) // _whole(2**11)).cast(pl.Float64) / 2.0**53

    def happens(self, name: str, chance: float | pl.Expr, *keys: str) -> pl.Expr:
        """True with the given probability."""
        return self.uniform(name, *keys) < chance

    def below(self, name: str, limit: int | pl.Expr, *keys: str) -> pl.Expr:
        """A whole number from 0 to ``limit`` - 1."""
        return (self.uniform(name, *keys) * limit).floor().cast(pl.Int64)

    def waiting(self, name: str, mean: float | pl.Expr, *keys: str) -> pl.Expr:
        """An exponentially distributed wait of the given mean."""
        return -(1.0 - self.uniform(name, *keys)).log() * mean

    def pick(self, name: str, values: Sequence[object], weights: Sequence[float], *keys: str) -> pl.Expr:
        """One of ``values``, each as likely as its weight says (to one part in two thousand)."""
        slots = pl.Series(_spread(values, weights))
        return pl.lit(slots).gather(self.below(name, len(slots), *keys))


def _spread(values: Sequence[object], weights: Sequence[float]) -> list[object]:
    slots: list[object] = []
    total, cumulated = sum(weights), 0.0
    for value, weight in zip(values, weights, strict=True):
        cumulated += weight
        slots += [value] * (round(cumulated / total * _SLOTS) - len(slots))
    return slots


def _odd(place: int) -> int:
    return int((place + 1) * pow(_GOLDEN, place + 1, 2**64) % 2**64) | 1


def _mix(state: pl.Expr) -> pl.Expr:
    state = (state ^ (state // _whole(2**30))) * _whole(_FIRST)
    state = (state ^ (state // _whole(2**27))) * _whole(_SECOND)
    return state ^ (state // _whole(2**31))


def _whole(number: int) -> pl.Expr:
    return pl.lit(number, dtype=pl.UInt64)
