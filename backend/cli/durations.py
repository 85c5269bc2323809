"""Lengths of time as people type them: 90d, 12h, 30m."""

import re
from datetime import timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3660)


def duration(text: str) -> timedelta:
    """A length of time of days, hours or minutes, at most ten years.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    found = re.fullmatch(r"([0-9]{1,7})([mhd])", text.strip())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if length is None or length > _LONGEST:
        raise typer.BadParameter(
            f"{text!r} is not a length of time: write for example 30d, 12h or 45m, at most ten years."
        )
    return length
