"""Splits a batch that a strict JSON reader refuses as a whole, so that one broken event does not take the others along.

NaN, a lone surrogate, bytes that are not UTF-8 or absurd nesting inside one event make the whole text invalid, yet
brackets and quotes still say where each event begins and ends.
"""

import re
from collections.abc import Iterator

PIECE = 1024 * 1024
"""Bytes of a list that are split at a time."""

_MARK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},"]', re.DOTALL)
_MEMBER = re.compile(rb'\s*"([^"\\]*)"\s*:(.*)\Z', re.DOTALL)
_CLOSES = {b"{": b"}", b"[": b"]"}


def split_members(text: bytes) -> dict[str, bytes] | None:
    """The members of an object as unread bytes by plain name; None where the text is no object at all."""
    pieces = _split(text, b"{")
    if pieces is None:
        return None
    members = [match for piece in pieces if (match := _MEMBER.match(piece))]
    return {match[1].decode("utf-8", "replace"): match[2].strip() for match in members}


def split_elements(text: bytes) -> list[bytes] | None:
    """The elements of a list as unread bytes; None where the text is no list."""
    return _split(text, b"[")


def first_elements(text: bytes, *, most: int) -> tuple[list[bytes], bytes | None] | None:
    """The first elements of a list, and a list of the others where there are any; None where the text is no list.

    Args:
        text: a list, however long; what lies behind the elements that are taken is not looked at.
        most: objects that are taken. Whatever else lies between them costs little, and is taken up to `PIECE` bytes.
    """
    text = text.strip()
    if not text.startswith(b"["):
        return None
    elements: list[bytes] = []
    start, objects, last = 1, 0, len(text) - 1
    try:
        for cut in _commas(text):
            elements.append(text[start:cut].strip())
            start, objects = cut + 1, objects + elements[-1].startswith(b"{")
            if cut < last and (objects >= most or cut > PIECE):
                return elements, b"[" + text[start:]
    except ValueError:
        return None
    return (elements if elements != [b""] else []), None


def _split(text: bytes, opener: bytes) -> list[bytes] | None:
    """What lies between the commas of the outermost bracket; None unless the brackets close as they should."""
    text = text.strip()
    if not text.startswith(opener):
        return None
    try:
        cuts = list(_commas(text))
    except ValueError:
        return None
    pieces = [text[start + 1 : end].strip() for start, end in zip([0, *cuts[:-1]], cuts, strict=True)]
    return pieces if pieces != [b""] else []


def _commas(text: bytes) -> Iterator[int]:
    """Positions of the outermost bracket's commas and, last, of its end.

    Raises:
        ValueError: brackets cross, they or a text stay open, or something follows.
    """
    closers: list[bytes] = []
    for mark in _MARK.finditer(text):
        sign = mark[0]
        if sign in _CLOSES:
            closers.append(_CLOSES[sign])
        elif sign == b"," and len(closers) == 1:
            yield mark.start()
        elif sign == b'"' or (sign in b"]}" and (not closers or closers.pop() != sign)):
            raise ValueError
        if not closers:
            break
    if closers or mark.end() != len(text):
        raise ValueError
    yield mark.start()
