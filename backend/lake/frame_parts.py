"""Rows of the frame's files, put together: newer ones over older ones, files with other columns beside each other."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence

import polars as pl

from segments.customers import BITMAP_PREFIX, DAYS_PREFIX
from segments.reduce.latest import derived

BUCKETS = 16
"""How many base files the customers are spread over, by ``customer_id % BUCKETS``."""

GONE = "_gone"
"""Of a row in a file: the customer has none any more."""

_NO_DAYS = pl.lit([], dtype=pl.List(pl.Date))


def overlay_of(rows: pl.DataFrame, removed: Collection[int]) -> pl.DataFrame:
    """New rows, and those of customers who have none any more, as a file holds them."""
    gone = pl.DataFrame({"customer_id": pl.Series(sorted(removed), dtype=pl.Int64)})
    present = rows.with_columns(pl.lit(value=False).alias(GONE))
    return pl.concat([present, gone.with_columns(pl.lit(value=True).alias(GONE))], how="diagonal")


def newest_wins(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One row a customer, from the first frame that holds one."""
    parts = list(same_columns([frame.lazy() for frame in frames]))
    return pl.concat(parts).collect().unique(subset="customer_id", keep="first", maintain_order=True)


def same_columns(frames: Sequence[pl.LazyFrame]) -> Iterator[pl.LazyFrame]:
    """The frames with the columns of all of them; who never did a thing has an empty list of its days, and no bit set."""
    columns: dict[str, pl.DataType] = {}
    schemas = [frame.collect_schema() for frame in frames]
    for schema in schemas:
        columns |= {name: dtype for name, dtype in schema.items() if name not in columns}
    for frame, schema in zip(frames, schemas, strict=True):
        absent = {name: dtype for name, dtype in columns.items() if name not in schema}
        fill = [_absent(name, dtype, schema).alias(name) for name, dtype in absent.items()]
        yield frame.with_columns(fill).select(*columns)


def together(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames one after the other, those that follow each other with the same columns as one: none is copied.

    Every frame on its own costs a question more than going through ten thousand rows.
    """
    for _, alike in itertools.groupby(frames, key=lambda frame: frame.schema):
        yield pl.concat(alike, rechunk=False)


def _absent(name: str, dtype: pl.DataType, schema: pl.Schema) -> pl.Expr:
    """What stands for a column in a file without it: what the file's lists say, or nothing."""
    found = derived(name, schema)
    if found is not None:
        return found
    if name.startswith(BITMAP_PREFIX):
        return pl.lit(0, dtype=dtype)
    return _NO_DAYS if name.startswith(DAYS_PREFIX) else pl.lit(None, dtype=dtype)


def bucket_of() -> pl.Expr:
    """The base file that a customer belongs to."""
    return pl.col("customer_id") % BUCKETS


def buckets_of(frame: pl.DataFrame) -> list[int]:
    """The base files that the customers of some rows belong to."""
    return frame.select(bucket_of().unique()).to_series().to_list()
