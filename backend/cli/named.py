"""Things that people call by name or by number."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from backend.errors import NotFound

Found = TypeVar("Found")

_LARGEST = 2**31 - 1
"""Of the numbers that the database gives."""


async def named_or_numbered(
    asked: str, *, find: Callable[[str], Awaitable[Found]], get: Callable[[int], Awaitable[Found]]
) -> Found:
    """What is called so or, where nothing is, what has that number.

    Raises:
        NotFound: neither.
    """
    try:
        return await find(asked)
    except NotFound:
        if asked.isdecimal() and len(asked) < len(str(_LARGEST)):
            return await get(int(asked))
        raise
