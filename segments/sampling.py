"""Who is asked first where to ask everyone takes long: some ten thousand customers, drawn by their numbers alone.

They are those that stand lowest in one draw, so that a larger sample holds every smaller one, and so that whoever is shown as an
example of a segment (`segments.preview`) comes out of the sample as long as it holds enough.
"""

import polars as pl

from segments.rules.share import PLACES, place, places

PEOPLE = 12_000
"""How many are drawn: of a segment of a tenth of everyone 1,200, so that its size is known to 5 %, of one of a hundredth to 18 %."""

LEAST = 2 * PEOPLE
"""From so many customers on there is a sample; the history of fewer is read in less time than a marketer notices."""

GROWN = 2
"""So many times as many people as were drawn, and it is drawn anew."""

NEAR = "near"
"""A column that stored rows of a frame may have: whether the customer stands below `near_limit`. To be shown is nearly always
one of them, and they are found without a draw of everyone."""

_SALT = "people who are shown"


def drawn() -> pl.Expr:
    """Where a frame's customers stand in the draw."""
    return place(_SALT)


def near_limit(customers: int) -> int:
    """Below it stand some `PEOPLE` of so many customers, up to twice as many; the same until there are twice as many customers."""
    return limit_for(2 ** max(customers.bit_length() - 1, 0))


def is_near(numbers: pl.Series, limit: int) -> pl.Series:
    """The column `NEAR` of customers."""
    return pl.Series(NEAR, places(numbers.to_numpy(), _SALT) < limit)


def limit_for(customers: int) -> int:
    """Who stands below it is in the sample of so many customers."""
    return PLACES * PEOPLE // max(customers, PEOPLE)
