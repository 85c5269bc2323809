"""What customers bought, out of the order lists of their rows in the frame: arrays, and a number a customer in one pass.

Orders of one business day are one purchase. The lists stand in order, so that neighbours tell days and gaps apart, and running
sums tell what lies between two places: no purchase ever becomes a row of a table. 2.6 million orders of 1.26 million customers
take a tenth of a second; a row a purchase, sorted and grouped, takes ten times that.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import polars as pl

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

DAYS, NETS = "orders:business_day", "orders:net"
"""The lists that are read, of `segments.customers.ORDER_LISTS`."""

AT_ONCE = 100_000
"""Rows that are taken up together, so that memory does not grow with the shop."""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PurchaseDays:
    """The purchases of those who bought, customer by customer, the oldest first.

    Attributes:
        buyers: at which of the rows each buyer stands.
        first: where each buyer's purchases begin, and where the last one's end: one more than there are buyers.
        days: the business day of each purchase, counted from 1970.
        nets: its net value (minor units).
    """

    buyers: Array
    first: Array
    days: Array
    nets: Array

    def table(self, columns: Mapping[str, Array | pl.Series]) -> pl.DataFrame:
        """``row``: where each buyer stands, beside what was found of him."""
        return pl.DataFrame({"row": self.buyers, **columns})

    def sums(self, values: Array, start: Array | None = None) -> Array:
        """Of each buyer the sum over his purchases, or over those from ``start`` on."""
        so_far = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        found: Array = so_far[self.first[1:]] - so_far[self.first[:-1] if start is None else start]
        return found

    def gaps(self) -> tuple[Array, Array]:
        """Where a purchase stands that has one before it, and the business days since that one."""
        known = np.ones(len(self.days), bool)
        known[self.first[:-1]] = False
        places = np.flatnonzero(known)
        return places, self.days[places] - self.days[places - 1]

    def whose(self, places: Array) -> Array:
        """Of purchases which of the buyers made them."""
        found: Array = np.searchsorted(self.first, places, side="right") - 1
        return found


def read_purchases(rows: pl.DataFrame, *, until: date) -> PurchaseDays:
    """The purchases up to the end of a day, out of rows of the frame with the lists `DAYS` and `NETS`; null is none."""
    count = rows.get_column(DAYS).list.len().fill_null(0).to_numpy().astype(np.int64)
    days, nets = (rows.get_column(name).explode(empty_as_null=False, keep_nulls=False) for name in (DAYS, NETS))
    buyers = np.flatnonzero(count)
    first = np.concatenate([[0], np.cumsum(count[buyers])])
    listed = PurchaseDays(buyers, first, days.to_physical().to_numpy(), nets.to_numpy())
    return _until(_days_together(listed), number_of(until))


def pieces(frame: pl.LazyFrame, until: date, *besides: str) -> Iterator[tuple[pl.DataFrame, PurchaseDays]]:
    """A frame piece by piece, one at least: ``customer_id`` and columns ``besides``, and what these rows bought up to the end of a day."""
    asked = frame.select("customer_id", DAYS, NETS, *besides)
    none = pl.DataFrame(schema=asked.collect_schema())
    batches = asked.collect_batches(chunk_size=AT_ONCE, maintain_order=True, engine="streaming")
    for rows in itertools.chain([none], batches):
        yield rows.drop(DAYS, NETS), read_purchases(rows, until=until)


def of_frame(frame: pl.LazyFrame, until: date, tell: Callable[[PurchaseDays], pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """What ``tell`` finds of the buyers of a frame, piece by piece, with ``customer_id`` instead of ``row``."""
    for rows, purchases in pieces(frame, until):
        told = tell(purchases)
        yield told.drop("row").insert_column(0, rows.get_column("customer_id").gather(told.get_column("row")))


def number_of(day: date) -> int:
    """A business day as `PurchaseDays` counts it."""
    return (day - _EPOCH).days


def _days_together(orders: PurchaseDays) -> PurchaseDays:
    """One purchase of all orders of a day."""
    again = np.zeros(len(orders.days), bool)
    np.equal(orders.days[1:], orders.days[:-1], out=again[1:])
    again[orders.first[:-1]] = False
    if not again.any():
        return orders
    begins = np.flatnonzero(~again)
    first = np.append(np.searchsorted(begins, orders.first[:-1]), len(begins))
    return replace(orders, first=first, days=orders.days[begins], nets=np.add.reduceat(orders.nets, begins))


def _until(purchases: PurchaseDays, last: int) -> PurchaseDays:
    """Those of the days up to ``last``."""
    kept = purchases.days <= last
    if kept.all():
        return purchases
    count = purchases.sums(kept)
    left = count > 0
    first = np.concatenate([[0], np.cumsum(count[left])])
    return PurchaseDays(purchases.buyers[left], first, purchases.days[kept], purchases.nets[kept])
