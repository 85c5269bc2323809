"""What a copy is called."""

from collections.abc import Collection
from itertools import count

from campaigns.campaign import LONGEST_NAME

ROOM = LONGEST_NAME - len(" (99999)")
"""Characters of a name that a number still fits behind."""


def free_name(name: str, taken: Collection[str]) -> str:
    """``Tea (2)``, or with the first number that is free; a long name is cut for it."""
    return next(found for number in count(2) if (found := f"{name[:ROOM]} ({number})") not in taken)
