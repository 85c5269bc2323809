"""Columns of millions in pieces, a few side by side: what is reckoned of a piece stays beside the processor, and goes when the next one comes."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 131_072
"""Rows of a piece: a megabyte of numbers. Longer ones are memory that the system has to give and take back each time."""


def by_pieces(rows: int, work: Callable[[slice], T]) -> Iterator[T]:
    """What ``work`` makes of each piece of so many rows, in their order."""
    pieces = [slice(begin, min(begin + AT_ONCE, rows)) for begin in range(0, rows, AT_ONCE)]
    if rows <= AT_ONCE:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        yield from threads.map(work, pieces)
