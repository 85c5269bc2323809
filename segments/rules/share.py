"""Where in a draw each customer stands: a spot from 0 to 9,999 that follows from the customer's number and the salt alone.

A polynomial of the third degree over the numbers below a prime, with coefficients that the salt gives: of any four
customers the spots are independent of each other, and a frame's column takes a few multiplications that never overflow.
"""

import hashlib
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

SPOTS = 10_000
PLACES = 2**31 - 1
"""A prime."""

_BITS, _PRIME = np.uint64(31), np.uint64(PLACES)

_TERMS = 4

_PIECE = 16_384
"""Customers at once, so that what is reckoned stays beside the processor."""


def spot_of(customer_id: int, salt: str) -> int:
    """The spot of one customer."""
    number = customer_id % PLACES
    mixed = reduce(lambda found, term: (found * number + term) % PLACES, _terms(salt), 0)
    return mixed * SPOTS // PLACES


def spot(salt: str) -> pl.Expr:
    """The spots of a frame's customers."""
    return place(salt) * SPOTS // PLACES


def place(salt: str) -> pl.Expr:
    """Where a frame's customers stand in a draw, finer than by spots: from 0 to `PLACES`."""
    number = pl.col("customer_id") % PLACES
    first, *others = _terms(salt)
    return reduce(lambda found, term: (found * number + term) % PLACES, others, pl.lit(first, pl.Int64))


def places(numbers: npt.NDArray[np.int64], salt: str) -> npt.NDArray[np.int64]:
    """`place` of ten million customers in a tenth of a second.

    The prime is 2^31 - 1, so that a remainder takes no division: 2^31 leaves 1, and the upper bits are added to the lower. Once is
    enough between the terms: below 2^32 after the first and 3 * 2^31 after the second, the next product stays below 2^64.
    """
    found = np.empty(len(numbers), dtype=np.uint64)
    first, *others = (np.uint64(term) for term in _terms(salt))
    for begin in range(0, len(numbers), _PIECE):
        mixed = found[begin : begin + _PIECE]
        piece = _below_prime(numbers[begin : begin + _PIECE])
        upper = np.empty_like(mixed)
        mixed[:] = first
        for term in others:
            mixed *= piece
            mixed += term
            _reduce(mixed, upper)
        _reduce(mixed, upper)
        np.subtract(mixed, _PRIME, out=upper)  # of what is less it leaves a large number
        np.minimum(mixed, upper, out=mixed)
    return found.view(np.int64)


def _below_prime(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Numbers of the same remainder, mostly themselves."""
    return (numbers if numbers.max() < PLACES else numbers % PLACES).view(np.uint64)


def _reduce(values: npt.NDArray[np.uint64], upper: npt.NDArray[np.uint64]) -> None:
    """Smaller numbers of the same remainder, in place: of one below 2^64 one below 2^34, of that one below 2^31 + 8."""
    np.right_shift(values, _BITS, out=upper)
    values &= _PRIME
    values += upper


def first_place(spot: int) -> int:
    """Where a spot begins: places below it belong to spots before."""
    return -(-spot * PLACES // SPOTS)


def _terms(salt: str) -> list[int]:
    digest = hashlib.blake2b(salt.encode(), digest_size=8 * _TERMS, person=b"share").digest()
    return [int.from_bytes(digest[8 * place : 8 * place + 8], "big") % PLACES for place in range(_TERMS)]
