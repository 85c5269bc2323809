"""Many people, of whom most stand like many others: what the gates ask is decided once for all who stand alike."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from campaigns.pieces import by_pieces

Places = npt.NDArray[np.unsignedinteger[Any]]
"""Places in a short list, in as few bytes as it takes: of ten million people each byte is ten megabytes."""

_FEW = 16_384
"""So many ways are gone through more quickly than it is found out in which of them anybody stands."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How people stand.

    Attributes:
        table: the different ways: the gates' inputs but ``customer_id`` and ``missing_field``, ``language``, ``has_family_name`` and
            ``has_given_name``. Of pushes it may say no more than whether a cap is reached: then ``sent_day`` and ``sent_week`` are the
            cap, or 0. Nobody may stand in some of them.
        of: of each person the row of the table.
    """

    table: pl.DataFrame
    of: Places

    @classmethod
    def one_each(cls, standing: pl.DataFrame) -> "Ways":
        """Where each has a row of her own, ``customer_id`` among its columns."""
        return cls(standing.drop("customer_id"), np.arange(standing.height, dtype=np.uint32))

    def spread(self) -> pl.DataFrame:
        """A row a person."""
        return self.table[self.of]

    def parted(self, name: str, flags: npt.NDArray[np.bool_]) -> "Ways":
        """People who stand alike are told apart by one more truth value, a column of this name."""
        ways = np.arange(2 * self.table.height)
        both = self.of.astype(as_short_as(len(ways)))
        both *= 2
        both += flags
        return Ways(self.table[ways // 2].with_columns(pl.Series(name, ways % 2 == 1)), both).packed()

    def otherwise(self, people: npt.NDArray[np.intp], standing: pl.DataFrame) -> "Ways":
        """Some people, by their places, stand as these rows say instead."""
        rows = standing.select(self.table.columns).with_row_index("person")
        told = rows.group_by(self.table.columns, maintain_order=True).agg("person").with_row_index("way")
        table = pl.concat([self.table, told.select(self.table.columns)])
        of = self.of.astype(as_short_as(table.height))
        of[people] = told.explode("person").sort("person")["way"].to_numpy() + self.table.height
        return Ways(table, of)

    def packed(self) -> "Ways":
        """The same, and where there are many ways only those in which somebody stands."""
        if self.table.height <= _FEW:
            return self
        there = np.zeros(self.table.height, dtype=np.bool_)

        def mark(piece: slice) -> None:
            there[self.of[piece]] = True

        list(by_pieces(len(self.of), mark))
        ways = np.flatnonzero(there)
        place = np.zeros(len(there), dtype=as_short_as(len(ways)))
        place[ways] = np.arange(len(ways))
        return Ways(self.table[ways], looked_up(place, self.of))


def as_short_as(rows: int) -> type[np.unsignedinteger[Any]]:
    """The shortest number that says where in so many rows something is."""
    return np.uint16 if rows <= np.iinfo(np.uint16).max + 1 else np.uint32


def looked_up(values: Places, places: npt.NDArray[Any]) -> Places:
    """``values[places]``, piece by piece."""
    found = np.empty(len(places), dtype=values.dtype)

    def look(piece: slice) -> None:
        found[piece] = values[places[piece]]

    list(by_pieces(len(places), look))
    return found
