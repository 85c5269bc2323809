"""Where in a draw each customer stands: a spot from 0 to 9,999 that follows from the customer's number and the salt alone.

A polynomial of the third degree over the numbers below a prime, with coefficients that the salt gives: of any four
customers the spots are independent of each other, and a frame's column takes a few multiplications that never overflow.
"""

import hashlib
from functools import reduce

import polars as pl

SPOTS = 10_000
_PRIME = 2**31 - 1
_TERMS = 4


def spot_of(customer_id: int, salt: str) -> int:
    """The spot of one customer."""
    number = customer_id % _PRIME
    mixed = reduce(lambda found, term: (found * number + term) % _PRIME, _terms(salt), 0)
    return mixed * SPOTS // _PRIME


def spot(salt: str) -> pl.Expr:
    """The spots of a frame's customers."""
    number = pl.col("customer_id") % _PRIME
    first, *others = _terms(salt)
    mixed = reduce(lambda found, term: (found * number + term) % _PRIME, others, pl.lit(first, pl.Int64))
    return mixed * SPOTS // _PRIME


def _terms(salt: str) -> list[int]:
    digest = hashlib.blake2b(salt.encode(), digest_size=8 * _TERMS, person=b"share").digest()
    return [int.from_bytes(digest[8 * place : 8 * place + 8], "big") % _PRIME for place in range(_TERMS)]
