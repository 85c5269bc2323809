"""Text cells that no spreadsheet runs: the one rule by which exports protect a text and imports take the mark off.

A spreadsheet takes a text that begins with one of `STARTS` for a formula. Such a text is written with one single
quote before it. So that nothing is lost, a text that looks protected already gets a quote too: with n quotes before
one of `STARTS` it is written with n + 1, and read back with one fewer. Numbers, days and truth values are never
touched: which rule holds is decided by a column's type, not by what a cell looks like.
"""

import re

STARTS = "=+-@\t\n\r\0＝＋－＠−"
"""What a formula may begin with; the full-width ones in Japanese Excel, U+2212 because CP932 makes ``－`` of it."""

_CLASS = re.escape(STARTS)

TO_PROTECT = f"^'*[{_CLASS}]"
"""Regular expression of texts that are written with a quote before them."""

PROTECTED = f"^'('*[{_CLASS}])"
"""Regular expression of texts that are read as their first group and what follows."""

_TO_PROTECT = re.compile(TO_PROTECT)
_PROTECTED = re.compile(PROTECTED)


def protect(text: str) -> str:
    """The text as it is written into a cell."""
    return f"'{text}" if _TO_PROTECT.match(text) else text


def unprotect(text: str) -> str:
    """The text that a cell was written for: the inverse of `protect`."""
    return text[1:] if _PROTECTED.match(text) else text
