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

    The prime is 2^31 - 1, so that a remainder takes no division: 2^31 leaves 1, and the upper bits are added to the lower.
    """
    found = np.empty(len(numbers), dtype=np.int64)
    first, *others = _terms(salt)
    for begin in range(0, len(numbers), _PIECE):
        piece, mixed = numbers[begin : begin + _PIECE].copy(), found[begin : begin + _PIECE]
        _reduce(piece, np.empty_like(piece))
        mixed[:] = first
        upper = np.empty_like(mixed)
        for term in others:
            mixed *= piece
            mixed += term
            _reduce(mixed, upper)
        mixed[mixed >= PLACES] -= PLACES
    return found


def _reduce(values: npt.NDArray[np.int64], upper: npt.NDArray[np.int64]) -> None:
    """Numbers below 2^63 to numbers of the same remainder below 2^31 + 2, in place."""
    for _ in range(2):
        np.right_shift(values, 31, out=upper)
        values &= PLACES
        values += upper


def first_place(spot: int) -> int:
    """Where a spot begins: places below it belong to spots before."""
    return -(-spot * PLACES // SPOTS)


def _terms(salt: str) -> list[int]:
    digest = hashlib.blake2b(salt.encode(), digest_size=8 * _TERMS, person=b"share").digest()
    return [int.from_bytes(digest[8 * place : 8 * place + 8], "big") % PLACES for place in range(_TERMS)]
