"""Columns and partitions of the lake's tables. Surrogate ids only: no names, mail, external ids or free text.

A column that is added later is null in older files; none is ever renamed or retyped.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from segments.customers import BY_NAME, ON_RECORD, ORDER_LISTS, SCHEMA
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
    "properties": pl.List(pl.String),
}
"""One row per stored event; ``amount`` in minor units of ``currency`` (points where the event is about points).

``valid_until`` is the last business day on which a coupon that was issued can be used, where the issue names one.
``properties`` are those without a column of their own, as texts ``name=value`` (`segments.event_properties`).
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
    "brand": pl.String,
}
"""One row per order line; ``seq`` is that of the order's event."""

CUSTOMERS_SCHEMA: Schema = {
    **{name: dtype for name, dtype in SCHEMA.items() if not BY_NAME[name].private},
    **ON_RECORD,
    **{name.replace(":", "_"): pl.List(dtype) for name, dtype in ORDER_LISTS.items()},
}
"""One row per customer and business day: what the customer frame held when the day ended.

Only what follows from history: profile, consent and reach stay in PostgreSQL and in the frame. An ``orders_…`` list names one thing
of every counted order, oldest first.
"""


class Table(StrEnum):
    """The tables of the lake."""

    EVENTS = "events"
    ORDER_LINES = "order_lines"
    CUSTOMER_DAYS = "customer_days"
    CUSTOMERS = "customers"


HISTORY = (Table.EVENTS, Table.ORDER_LINES, Table.CUSTOMER_DAYS)
"""What batches of the log go to; the others follow from these."""

RAW = (Table.EVENTS, Table.ORDER_LINES)
"""What happened, each thing for itself: days of it that have grown old may be dropped."""


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
    Table.CUSTOMERS: Layout(CUSTOMERS_SCHEMA, "as_of", ("as_of", "customer_id")),
}
