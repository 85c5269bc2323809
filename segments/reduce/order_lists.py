"""A customer's counted orders as list columns of the frame: what figures of purchases read instead of history."""

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from segments.customers import ORDER_LISTS, ORDERS_PREFIX
from segments.reduce.days import Frame
from segments.reduce.orders import list_orders

_FIELDS = [name.removeprefix(ORDERS_PREFIX) for name in ORDER_LISTS]
_ORDER = ["business_day", "first_at", "first_seq"]


def order_rows(facts: Frame, *, who: Sequence[str]) -> Frame:
    """A row a counted order, on any engine: ``who`` and what `ORDER_LISTS` list."""
    return list_orders(facts, who=who).filter(nw.col("counted")).select(*who, *_FIELDS)


def with_order_lists(rows: pl.LazyFrame, orders: pl.LazyFrame, *, who: Sequence[str]) -> pl.LazyFrame:
    """Rows of the frame with their `order_rows` as lists beside them, empty for one who bought nothing."""
    lists = orders.sort(_ORDER).group_by(*who, maintain_order=True).agg(
        pl.col(field).alias(f"{ORDERS_PREFIX}{field}") for field in _FIELDS
    )  # fmt: skip
    return rows.join(lists, on=list(who), how="left").with_columns(
        pl.col(name).fill_null(pl.lit([], dtype=pl.List(dtype))) for name, dtype in ORDER_LISTS.items()
    )


def unpack_orders(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Every counted order of a frame, those of a customer together and in order: ``customer_id`` and what the lists hold."""
    bought = frame.filter(pl.col("first_order").is_not_null()).select("customer_id", *ORDER_LISTS)
    return bought.explode(list(ORDER_LISTS)).rename({f"{ORDERS_PREFIX}{field}": field for field in _FIELDS})
