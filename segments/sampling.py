"""Who is asked first where to ask everyone takes long: some twenty thousand customers, drawn by their numbers alone.

They are those that stand lowest in one draw, so that a larger sample holds every smaller one, and so that whoever is shown as an
example of a segment (`segments.preview`) comes out of the sample as long as it holds enough.
"""

import polars as pl

from segments.rules.share import PLACES, place

PEOPLE = 20_000
"""How many are drawn: of a segment of a hundredth of everyone two hundred, so that its size is known to a seventh."""

LEAST = 3 * PEOPLE
"""From so many customers on there is a sample; everyone else's history is read in less time than a marketer notices."""

GROWN = 2
"""So many times as many people as were drawn, and it is drawn anew."""

_SALT = "people who are shown"


def drawn() -> pl.Expr:
    """Where a frame's customers stand in the draw."""
    return place(_SALT)


def limit_for(customers: int) -> int:
    """Who stands below it is in the sample of so many customers."""
    return PLACES * PEOPLE // max(customers, PEOPLE)
