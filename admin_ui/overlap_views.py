"""The overlap of segments as a picture: a bar for every combination, and below it which segments it is of."""

from collections.abc import Sequence
from dataclasses import dataclass

from segments.overlap import Overlap

HEIGHT = 120
"""Of the longest bar, in the picture's own units."""
STEP = 56
ROW = 30


@dataclass(frozen=True, slots=True)
class Column:
    """One combination: a bar and its dots.

    Attributes:
        x: its middle.
        height: of the bar.
        dots: for each segment whether it belongs.
        first: the row of the first dot that belongs; the line between dots runs from it to ``last``.
    """

    x: int
    height: int
    size: int
    reachable: int
    names: tuple[str, ...]
    dots: tuple[bool, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class OverlapView:
    """Everything that the picture and the tables need."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, int, int], ...]
    pairs: tuple[tuple[tuple[int, float | None], ...], ...]
    width: int


def overlap_view(overlap: Overlap, names: Sequence[str]) -> OverlapView:
    """The overlap for a page.

    Args:
        overlap: sizes of all combinations.
        names: of the segments, in the order of the overlap.
    """
    exact = overlap.exact()
    longest = max((cell.size for cell in exact), default=1)
    columns = tuple(
        Column(
            x=STEP // 2 + number * STEP,
            height=max(2, round(cell.size / longest * HEIGHT)),
            size=cell.size,
            reachable=cell.reachable,
            names=tuple(names[place] for place in cell.places),
            dots=tuple(place in cell.places for place in range(len(names))),
            first=min(cell.places),
            last=max(cell.places),
        )
        for number, cell in enumerate(exact)
    )
    rows = tuple((name, overlap.size(place), overlap.reachable(place)) for place, name in enumerate(names))
    pairs = tuple(tuple(_shared(overlap, row, column) for column in range(len(names))) for row in range(len(names)))
    return OverlapView(columns, rows, pairs, max(STEP, STEP * len(columns)))


def _shared(overlap: Overlap, row: int, column: int) -> tuple[int, float | None]:
    """How many are in both, and which share of the row's segment that is."""
    both, own = overlap.size(row, column), overlap.size(row)
    return both, both / own if own else None
