"""History of some customers in this process: what they did, under the numbers they have today."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import or_

import narwhals as nw
import polars as pl

from backend.lake.tables import Lake
from segments.history import under_survivors
from segments.reduce.anywhere import Rules, reduce_here
from segments.reduce.customers import occurring_events
from segments.reduce.days import BUCKETS
from segments.reduce.trust import verified_events


class Here:
    """What `backend.services.refresh.elsewhere.Elsewhere` is of everybody's history, of some customers'.

    Attributes:
        occurring: events that occur in it.
        verified: those of them for which the word of a trusted source stands.
    """

    def __init__(self, days: pl.LazyFrame) -> None:
        self._days = days
        self.occurring = occurring_events(days)
        found: pl.DataFrame = verified_events(nw.from_native(days)).to_native().collect()
        self.verified = found.get_column("event").to_list()

    def rows(self, customer_ids: Sequence[int], *, day: date, rules: Rules) -> pl.DataFrame:
        """What history says of some customers as of a day; see `segments.reduce.anywhere.reduce_here`."""
        asked = pl.DataFrame({"customer_id": customer_ids}, schema={"customer_id": pl.Int64})
        return reduce_here(self._days, asked, day=day, rules=rules)


def history_of(lake: Lake, customer_ids: Sequence[int], absorbed: Mapping[int, int]) -> pl.LazyFrame:
    """Everything these customers did, and those whom they absorbed (each with the survivor), in memory."""
    everyone = pl.Series("customer_id", [*customer_ids, *absorbed], dtype=pl.Int64)
    # A filter, not a join: it goes down to the files, so that of others' history only the numbers are read.
    own = lake.customer_days({*(everyone % BUCKETS)}).filter(_among(everyone))
    return under_survivors(own.collect().lazy(), absorbed).collect().lazy()


def _among(customer_ids: pl.Series) -> pl.Expr:
    """Whether a row is of these customers; told by ranges too, so that parts of files with none of them are passed over.

    Files are parted by bucket and sorted by customer inside: of neighbours in one bucket only their part is read.
    """
    number, bucket = pl.col("customer_id"), (pl.col("customer_id") % BUCKETS).alias("bucket")
    ranges = customer_ids.to_frame().group_by(bucket).agg(number.min().alias("low"), number.max().alias("high"))
    inside = [(pl.col("bucket") == one) & number.is_between(low, high) for one, low, high in ranges.iter_rows()]
    return reduce(or_, inside, pl.lit(value=False)) & number.is_in(customer_ids.implode())
