"""Columns and partitions of the lake's tables. Surrogate ids only: no names, mail, external ids or free text.

A column that is added later is null in older files; none is ever renamed or retyped.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from segments.reduce.days import DAYS_SCHEMA

Schema = dict[str, DataType | DataTypeClass]

Compression = Literal["ZSTD", "LZ4"]

_MOMENT = pl.Datetime("us", "UTC")

EVENTS_SCHEMA: Schema = {
    "seq": pl.Int64,
    "customer_id": pl.Int64,
    "event": pl.String,
    "business_day": pl.Date,
    "occurred_at": _MOMENT,
    "received_at": _MOMENT,
    "source_id": pl.Int32,
    "trusted": pl.Boolean,
    "platform": pl.String,
    "device_key": pl.Int64,
    "order_key": pl.Int64,
    "amount": pl.Int64,
    "currency": pl.String,
    "coupon_id": pl.String,
    "store": pl.String,
    "rank": pl.String,
    "category": pl.String,
    "score": pl.Int32,
    "delivery_id": pl.Int64,
    "campaign_id": pl.Int32,
    "valid_until": pl.Date,
}
"""One row per stored event; ``amount`` in minor units of ``currency`` (points where the event is about points).

``valid_until`` is the last business day on which a coupon that was issued can be used, where the issue names one.
"""

ORDER_LINES_SCHEMA: Schema = {
    "seq": pl.Int64,
    "customer_id": pl.Int64,
    "business_day": pl.Date,
    "order_key": pl.Int64,
    "product": pl.String,
    "category": pl.String,
    "quantity": pl.Int64,
    "amount": pl.Int64,
}
"""One row per order line; ``seq`` is that of the order's event."""


class Table(StrEnum):
    """The tables of the lake."""

    EVENTS = "events"
    ORDER_LINES = "order_lines"
    CUSTOMER_DAYS = "customer_days"


@dataclass(frozen=True, slots=True)
class Layout:
    """How one table lies on disk: its columns, the one it is partitioned by, the order inside a file, and how it is compressed.

    Files written otherwise, by an older release, are read all the same.
    """

    schema: Schema
    partition: str
    order: tuple[str, ...]
    compression: Compression = "ZSTD"

    @property
    def file_schema(self) -> Schema:
        """The columns inside the files: a partition's value stands in the path."""
        return {name: dtype for name, dtype in self.schema.items() if name != self.partition}


LAYOUTS: dict[Table, Layout] = {
    Table.EVENTS: Layout(EVENTS_SCHEMA, "business_day", ("business_day", "customer_id", "seq")),
    Table.ORDER_LINES: Layout(ORDER_LINES_SCHEMA, "business_day", ("business_day", "customer_id", "seq")),
    # Every refresh looks for some customers in all of it: a quarter more disk, half the time.
    Table.CUSTOMER_DAYS: Layout(
        dict(DAYS_SCHEMA), "bucket", ("bucket", "customer_id", "business_day", "event"), compression="LZ4"
    ),
}
