"""Rows of some customers, told in a way that lets whoever reads files pass over those parts that hold only others."""

from functools import reduce
from operator import or_

import polars as pl

from segments.reduce.days import BUCKETS


def among(customer_ids: pl.Series) -> pl.Expr:
    """Whether a row of customer_days is of these customers; told by ranges too, so that parts of files with none of them are passed over.

    Files are parted by bucket and sorted by customer inside: of neighbours in one bucket only their part is read.
    """
    number, bucket = pl.col("customer_id"), (pl.col("customer_id") % BUCKETS).alias("bucket")
    ranges = customer_ids.to_frame().group_by(bucket).agg(number.min().alias("low"), number.max().alias("high"))
    inside = [(pl.col("bucket") == one) & number.is_between(low, high) for one, low, high in ranges.iter_rows()]
    return reduce(or_, inside, pl.lit(value=False)) & number.is_in(customer_ids.implode())
