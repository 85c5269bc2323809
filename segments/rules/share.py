"""Where in a draw each customer stands: a spot from 0 to 9,999 that follows from the customer's number and the salt alone.

A polynomial of the third degree over the numbers below a prime, with coefficients that the salt gives: of any four
customers the spots are independent of each other, and a frame's column takes a few multiplications that never overflow.
"""

import hashlib
from functools import reduce

import polars as pl

SPOTS = 10_000
PLACES = 2**31 - 1
"""A prime."""

_TERMS = 4


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


def _terms(salt: str) -> list[int]:
    digest = hashlib.blake2b(salt.encode(), digest_size=8 * _TERMS, person=b"share").digest()
    return [int.from_bytes(digest[8 * place : 8 * place + 8], "big") % PLACES for place in range(_TERMS)]
