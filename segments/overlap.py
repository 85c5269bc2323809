"""How segments overlap: sizes and every intersection of a few rules, in one pass over the customer frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations

import polars as pl

from segments.rules.compile import compile_rule
from segments.rules.rule import Rule

MOST = 4
"""Segments that are compared at once: more than fifteen intersections nobody reads."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Customers who are in exactly these segments and in none of the others.

    Attributes:
        places: which of the compared segments, by their number; none of them is nobody's segment.
        size: how many.
        reachable: how many of them can be reached by push.
    """

    places: tuple[int, ...]
    size: int
    reachable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The intersections of a few segments.

    Attributes:
        cells: one for every combination that anybody is in, the empty one with it.
        as_of: up to when facts are known.
        known_since: see `segments.raw_members`; of any of the segments.
    """

    rules: int
    cells: tuple[Cell, ...]
    as_of: datetime
    known_since: date | None = None

    @property
    def total(self) -> int:
        """All customers that count."""
        return sum(cell.size for cell in self.cells)

    def size(self, *places: int) -> int:
        """How many are in all of these segments, whatever else they are in; everyone for none."""
        return sum(cell.size for cell in self.cells if set(places) <= set(cell.places))

    def reachable(self, *places: int) -> int:
        """Those of `size` who can be reached by push."""
        return sum(cell.reachable for cell in self.cells if set(places) <= set(cell.places))

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Every two of the segments."""
        return tuple(combinations(range(self.rules), 2))

    def exact(self) -> tuple[Cell, ...]:
        """The combinations that are not empty, the largest first; nobody's combination left out."""
        return tuple(sorted((each for each in self.cells if each.places), key=lambda each: (-each.size, each.places)))


def overlapping(everyone: pl.LazyFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    """One row for every combination that anybody is in; `overlap_of` reads it.

    Args:
        everyone: the customers that count, with the columns that the rules need.
        rules: at most `MOST`.
    """
    columns = everyone.collect_schema().names()
    bits = [compile_rule(rule, columns).cast(pl.UInt8) * 2**place for place, rule in enumerate(rules)]
    kind = pl.sum_horizontal(bits) if bits else pl.lit(0)
    return (
        everyone.select(kind.cast(pl.UInt8).alias("kind"), pl.col("reachable").fill_null(value=False), "customer_id")
        .group_by("kind")
        .agg(pl.len().alias("size"), pl.col("reachable").sum())
    )


def overlap_of(rows: pl.DataFrame, *, rules: int, as_of: datetime, known_since: date | None = None) -> Overlap:
    """The overlap from the rows of `overlapping`."""
    cells = [
        Cell(tuple(place for place in range(rules) if kind >> place & 1), size, reachable)
        for kind, size, reachable in rows.select("kind", "size", "reachable").sort("kind").iter_rows()
    ]
    return Overlap(rules=rules, cells=tuple(cells), as_of=as_of, known_since=known_since)
