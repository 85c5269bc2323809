"""Names like the one that was asked for, for a message that helps."""

import difflib
from collections.abc import Iterable

_LIKE = 0.5
"""How alike names are that are worth telling, from 0 to 1: one wrong letter in four is 0.75."""
MOST = 3


def nearest(name: str, among: Iterable[str]) -> list[str]:
    """The names most like ``name``, best first; those that hold it or are held by it count as like it."""
    known = list(among)
    like = difflib.get_close_matches(name.lower(), [each.lower() for each in known], n=MOST, cutoff=_LIKE)
    found = [each for one in like for each in known if each.lower() == one]
    parts = [each for each in known if name and (name.lower() in each.lower() or each.lower() in name.lower())]
    return list(dict.fromkeys([*found, *parts]))[:MOST]


def hint(name: str, among: Iterable[str]) -> str:
    """A half-sentence for a message: the nearest names, or all of them where none is near."""
    known = list(among)
    found = nearest(name, known)
    if found:
        return f"the nearest are {', '.join(found)}" if len(found) > 1 else f"the nearest is {found[0]}"
    return f"there are {', '.join(known)}" if known else "there are none"
