"""A batch of the intake log → rows of the lake: typed, dated by the business calendar, under surrogate ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa

from backend.lake.log import Log
from backend.lake.payload import minor, text, whole
from backend.lake.schemas import EVENTS_SCHEMA, ORDER_LINES_SCHEMA
from segments.calendar import BusinessCalendar
from segments.coupons import last_day
from segments.event_properties import kept_properties
from segments.events import VOCABULARY, EventName
from segments.ids import key64
from segments.reduce.days import customer_days

_ORDER = str(EventName.ORDER_COMPLETED)
_ISSUED = str(EventName.COUPON_ISSUED)
_LARGEST_INT = 2**31 - 1
_DETAILED = frozenset(
    str(event.name) for event in VOCABULARY if not str(event.name).startswith(("Application ", "Consent "))
)
"""Events of which the lake keeps more than that they happened."""

_PLACE = "_place"
"""Where an event stands in its batch."""

_COLUMNS = list(EVENTS_SCHEMA)
_DETAILS = [_PLACE, *_COLUMNS[_COLUMNS.index("order_key") : _COLUMNS.index("properties")]]
_UNDATED_LINES = [name for name in ORDER_LINES_SCHEMA if name != "business_day"]


@dataclass(frozen=True, slots=True)
class LakeRows:
    """What a batch of the log is in the lake's three tables."""

    events: pl.DataFrame
    order_lines: pl.DataFrame
    customer_days: pl.DataFrame


def uncategorised(log: Log) -> set[str]:
    """Products that order lines name without a category: what the shop's product list says of them counts."""
    found = set()
    for place in log.places(pl.col("name") == _ORDER):
        properties = log.payloads[place].properties
        products = properties.get("products") if properties is not None else None
        if isinstance(products, list):
            lines = [line for line in products if isinstance(line, dict) and text(line.get("category")) is None]
            found |= {text(line.get("product_id")) for line in lines}
    return {product for product in found if product is not None}


def make_rows(
    log: Log,
    customers: pl.Series,
    *,
    calendar: BusinessCalendar,
    currency: str,
    categories: Mapping[str, str] = MappingProxyType({}),
) -> LakeRows:
    """The lake's rows of a batch.

    Args:
        log: the batch.
        customers: the surrogate id of each event's customer.
        calendar: says which business day a moment belongs to.
        currency: of amounts whose event names none.
        categories: of products, for order lines that name none; see `uncategorised`.
    """
    dated = _dated(log.heads, calendar)
    dated = dated.with_columns(customers.alias("customer_id"), *_of_senders(log)).with_row_index(_PLACE)
    cells = _Cells(currency, categories, calendar)
    detailed = dated.filter(pl.col("name").is_in(_DETAILED)).select(_PLACE, "seq", "customer_id", "name")
    for place, seq, customer_id, name in detailed.iter_rows():
        properties = log.payloads[place].properties
        if properties is not None:
            cells.add(place, seq, customer_id, name, properties)
    details = _frame(cells.details, {_PLACE: pl.UInt32, **EVENTS_SCHEMA}, _DETAILS)
    dated = dated.with_columns(_kept_properties(log))
    whole_rows = dated.join(details, on=_PLACE, how="left", maintain_order="left").rename({"name": "event"})
    events = whole_rows.select(*EVENTS_SCHEMA)
    lines = _frame(cells.lines, ORDER_LINES_SCHEMA, _UNDATED_LINES)
    order_lines = lines.join(events.select("seq", "business_day"), on="seq", how="left").select(*ORDER_LINES_SCHEMA)
    days: pl.LazyFrame = customer_days(nw.from_native(events.lazy()), nw.from_native(order_lines.lazy())).to_native()
    return LakeRows(events, order_lines, days.collect())


def _of_senders(log: Log) -> list[pl.Series]:
    """Columns that follow from who sent an event."""
    places = log.heads.get_column("sender")
    platforms = pl.Series("platform", [sender.platform for sender in log.senders], pl.String)
    devices = pl.Series("device_key", [sender.device_key for sender in log.senders], pl.Int64)
    return [platforms.gather(places), devices.gather(places)]


def _kept_properties(log: Log) -> pl.Series:
    """What is kept of the properties of track calls that have no column of their own."""
    heads = zip(log.heads.get_column("type"), log.heads.get_column("name"), log.payloads, strict=True)
    kept = [
        kept_properties(name, payload.properties) if payload.properties and kind == "track" else None
        for kind, name, payload in heads
    ]
    # Put together by Arrow: a Series of Python's lists takes twenty times as long.
    sizes = np.fromiter((0 if each is None else len(each) for each in kept), np.int64, len(kept))
    values = pa.array(chain.from_iterable(each for each in kept if each is not None), pa.large_string())
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int64())
    lists = pa.LargeListArray.from_arrays(offsets, values, mask=pa.array(sizes == 0))
    return pl.Series("properties", lists, EVENTS_SCHEMA["properties"])


def _frame(rows: Sequence[tuple[object, ...]], schema: Mapping[str, Any], names: Sequence[str]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pl.DataFrame([pl.Series(name, column, schema[name]) for name, column in zip(names, columns, strict=True)])


def _dated(heads: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """The business day of every event, as `BusinessCalendar.business_day` has it, for a whole column at once."""
    local = pl.col("occurred_at").dt.convert_time_zone(calendar.zone).dt.replace_time_zone(None)
    day = (local - timedelta(hours=calendar.day_starts)).dt.date()
    return heads.with_columns(day.alias("business_day"))


@dataclass(slots=True)
class _Cells:
    currency: str
    categories: Mapping[str, str]
    calendar: BusinessCalendar
    details: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, place: int, seq: int, customer_id: int, name: str, given: Mapping[str, Any]) -> None:
        order_key = _order_key(given)
        category = given.get("category")
        if name == _ORDER and order_key is not None:
            categories = self._add_lines(seq, customer_id, order_key, given)
            category = categories.pop() if len(categories) == 1 else None
        until = last_day(given.get("valid_until"), self.calendar) if name == _ISSUED else None
        self.details.append((place, order_key, *self._detail(given, category), until))

    def _detail(self, given: Mapping[str, Any], category: Any) -> tuple[object, ...]:
        """The cells from ``amount`` to ``campaign_id``."""
        currency, amount = None, whole(given.get("points"))
        total, score = given.get("total"), given.get("score")
        if total is not None:
            currency = text(given.get("currency")) or self.currency
            amount = minor(total, currency)
        if score is None:
            score = given.get("rating")
        return (
            amount,
            currency,
            text(given.get("coupon_id")),
            text(given.get("store_id")),
            text(given.get("rank")),
            text(category),
            whole(score, largest=_LARGEST_INT),
            whole(given.get("delivery_id")),
            whole(given.get("campaign_id"), largest=_LARGEST_INT),
        )

    def _add_lines(self, seq: int, customer_id: int, order_key: int, given: Mapping[str, Any]) -> set[str]:
        """Adds the lines of an order; gives its categories."""
        currency = text(given.get("currency")) or self.currency
        categories = set()
        products = given.get("products")
        for line in products if isinstance(products, list) else ():
            if not isinstance(line, dict):
                continue
            quantity = whole(line.get("quantity", 1), largest=_LARGEST_INT)
            price = minor(line.get("price", 0), currency) or 0
            category = text(line.get("category"))
            count = 1 if quantity is None else quantity
            product = text(line.get("product_id"))
            if category is None and product is not None:
                category = self.categories.get(product)
            amount, brand = _bounded(count * price), text(line.get("brand"))
            self.lines.append((seq, customer_id, order_key, product, category, count, amount, brand))
            if category is not None:
                categories.add(category)
        return categories


def _order_key(given: Mapping[str, Any]) -> int | None:
    number = text(given.get("order_id"))
    return key64("order", number) if number is not None else None


def _bounded(amount: int) -> int:
    return amount if abs(amount) < 2**62 else 0
