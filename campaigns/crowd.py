"""Many people, of whom most stand like many others: what the gates ask is decided once for all who stand alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Places = npt.NDArray[np.uint32]

_FEW = 4_096
"""So many ways are gone through more quickly than it is found out in which of them anybody stands."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How people stand.

    Attributes:
        table: the different ways: the gates' inputs but ``customer_id`` and ``missing_field``, ``language``, ``has_family_name`` and
            ``has_given_name``. Of pushes it may say no more than whether a cap is reached: then ``sent_day`` and ``sent_week`` are the
            cap, or 0.
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
        """People who stand alike are told apart by one more truth value, a column of this name; nobody may stand in some of the ways."""
        both = self.of * np.uint32(2)
        both += flags
        if self.table.height <= _FEW:
            ways = np.arange(2 * self.table.height)
            return Ways(self.table[ways // 2].with_columns(pl.Series(name, ways % 2 == 1)), both)
        there = np.flatnonzero(np.bincount(both, minlength=2 * self.table.height))
        place = np.zeros(2 * self.table.height, dtype=np.uint32)
        place[there] = np.arange(len(there), dtype=np.uint32)
        return Ways(self.table[there // 2].with_columns(pl.Series(name, there % 2 == 1)), place[both])
