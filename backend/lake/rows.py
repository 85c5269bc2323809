"""Rows of the intake log → rows of the lake: typed, dated by the business calendar, under surrogate ids."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
import narwhals as nw
import polars as pl

from backend.lake.payload import Payload, Properties, minor, platform_of, properties_of, read_payload, text, whole
from backend.lake.schemas import EVENTS_SCHEMA, ORDER_LINES_SCHEMA
from segments.calendar import BusinessCalendar
from segments.coupons import last_day
from segments.events import VOCABULARY, EventName
from segments.ids import key64
from segments.reduce.days import DERIVED, customer_days
from segments.tokens import Verdict

_ORDER = str(EventName.ORDER_COMPLETED)
_ISSUED = str(EventName.COUPON_ISSUED)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_INT = 2**31 - 1
_DETAILED = frozenset(
    str(event.name) for event in VOCABULARY if not str(event.name).startswith(("Application ", "Consent "))
)
"""Events of which the lake keeps more than that they happened."""

_UNDATED = [name for name in EVENTS_SCHEMA if name != "business_day"]
_UNDATED_LINES = [name for name in ORDER_LINES_SCHEMA if name != "business_day"]


class Logged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the intake log, its payload read.

    Attributes:
        name: the event of a track call, else the type of the call.
        kind: of the source: app, server, import or system.
        trusted: a secret key, or a customer's token for what he may state himself, stands behind it.
        verified: a customer's token proves that ``user_id`` himself sent it.
    """

    seq: int
    received_day: date
    received_at: datetime
    source_id: int
    kind: str
    trusted: bool
    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    occurred_at: datetime
    payload: Payload
    device_key: int | None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class LakeRows:
    """What a batch of the log is in the lake's three tables."""

    events: pl.DataFrame
    order_lines: pl.DataFrame
    customer_days: pl.DataFrame


def read_log(rows: Iterable[Mapping[str, Any]], kinds: Mapping[int, str]) -> list[Logged]:
    """Read rows of the log; ``kinds`` is the kind of each source."""
    return [_read(row, kinds.get(row["source_id"], "app")) for row in rows]


def _read(row: Mapping[str, Any], kind: str) -> Logged:
    payload = read_payload(row["payload"])
    return Logged(
        seq=row["seq"],
        received_day=row["received_day"],
        received_at=row["received_at"],
        source_id=row["source_id"],
        kind=kind,
        trusted=row["trusted"],
        type=row["type"],
        name=_name_of(row["type"], row["event"]),
        user_id=row["user_id"],
        anonymous_id=row["anonymous_id"],
        occurred_at=row["occurred_at"],
        payload=payload,
        device_key=_device_key(payload, kind, row["source_id"], row["anonymous_id"]),
        verified=row["token_verdict"] == Verdict.VALID,
    )


def _name_of(type_: str, event: str | None) -> str:
    """A screen called "Order Completed" is no order, and an event called "Order Line" is no line."""
    if type_ != "track" or not event:
        return type_
    return f"custom {event}" if event in DERIVED else event


def _device_key(payload: Payload, kind: str, source_id: int, anonymous_id: str | None) -> int | None:
    """The device an event came from: its own id, else the anonymous id of that installation of the app."""
    if kind == "system":
        return whole(properties_of(payload).device_key, largest=2**63 - 1)
    device = payload.context.device if payload.context is not None else None
    name = text(device.id) if device is not None else None
    if name is None and (kind == "app" or device is not None):
        name = anonymous_id
    return _key("device", str(source_id), name) if name is not None else None


@lru_cache(maxsize=200_000)
def _key(what: str, *parts: str) -> int:
    return key64(*parts) if what == "device" else key64(what, *parts)


def uncategorised(logged: Iterable[Logged]) -> set[str]:
    """Products that order lines name without a category: what the shop's product list says of them counts."""
    found = set()
    for row in logged:
        properties = row.payload.properties
        if row.name == _ORDER and properties is not None and isinstance(properties.products, list):
            lines = [
                line for line in properties.products if isinstance(line, dict) and text(line.get("category")) is None
            ]
            found |= {text(line.get("product_id")) for line in lines}
    return {product for product in found if product is not None}


def make_rows(
    logged: Sequence[Logged],
    customer_of: Callable[[Logged], int],
    *,
    calendar: BusinessCalendar,
    currency: str,
    categories: Mapping[str, str] = MappingProxyType({}),
) -> LakeRows:
    """The lake's rows of a batch.

    Args:
        logged: events, in any order.
        customer_of: the surrogate id of an event's customer.
        calendar: says which business day a moment belongs to.
        currency: of amounts whose event names none.
        categories: of products, for order lines that name none; see `uncategorised`.
    """
    cells = _Cells(currency, categories, calendar)
    for row in logged:
        cells.add(row, customer_of(row))
    events = _dated(_frame(cells.events, EVENTS_SCHEMA, _UNDATED), calendar)
    lines = _frame(cells.lines, ORDER_LINES_SCHEMA, _UNDATED_LINES)
    dated = lines.join(events.select("seq", "business_day"), on="seq", how="left")
    order_lines = dated.select(*ORDER_LINES_SCHEMA)
    days: pl.LazyFrame = customer_days(nw.from_native(events.lazy()), nw.from_native(order_lines.lazy())).to_native()
    return LakeRows(events, order_lines, days.collect())


def _frame(rows: Sequence[tuple[object, ...]], schema: Mapping[str, Any], names: Sequence[str]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pl.DataFrame([_series(name, column, schema[name]) for name, column in zip(names, columns, strict=True)])


def _series(name: str, column: Sequence[Any], dtype: Any) -> pl.Series:
    """A column; moments go in as whole microseconds, which is ten times quicker than as Python's datetimes."""
    if dtype != pl.Datetime("us", "UTC"):
        return pl.Series(name, column, dtype)
    since = [moment - _EPOCH for moment in column]
    whole_microseconds = [(one.days * 86_400 + one.seconds) * 1_000_000 + one.microseconds for one in since]
    return pl.Series(name, whole_microseconds, pl.Int64).cast(dtype)


def _dated(events: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """The business day of every event, as `BusinessCalendar.business_day` has it, for a whole column at once."""
    local = pl.col("occurred_at").dt.convert_time_zone(calendar.zone).dt.replace_time_zone(None)
    day = (local - timedelta(hours=calendar.day_starts)).dt.date()
    return events.with_columns(day.alias("business_day")).select(*EVENTS_SCHEMA)


@dataclass(slots=True)
class _Cells:
    currency: str
    categories: Mapping[str, str]
    calendar: BusinessCalendar
    events: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, row: Logged, customer_id: int) -> None:
        head = (row.seq, customer_id, row.name, row.occurred_at, row.received_at, row.source_id, row.trusted)
        platform = platform_of(row.payload.context)
        properties = row.payload.properties
        if properties is None or row.name not in _DETAILED:
            self.events.append((*head, platform, row.device_key, *_NO_DETAIL))
            return
        order_key = _order_key(properties)
        category = properties.category
        if row.name == _ORDER and order_key is not None:
            categories = self._add_lines(row.seq, customer_id, order_key, properties)
            category = categories.pop() if len(categories) == 1 else None
        until = last_day(properties.valid_until, self.calendar) if row.name == _ISSUED else None
        self.events.append((*head, platform, row.device_key, order_key, *self._detail(properties, category), until))

    def _detail(self, given: Properties, category: Any) -> tuple[object, ...]:
        """The cells from ``amount`` to ``campaign_id``."""
        currency, amount = None, whole(given.points)
        if given.total is not None:
            currency = text(given.currency) or self.currency
            amount = minor(given.total, currency)
        score = given.score if given.score is not None else given.rating
        return (
            amount,
            currency,
            text(given.coupon_id),
            text(given.store_id),
            text(given.rank),
            text(category),
            whole(score, largest=_LARGEST_INT),
            whole(given.delivery_id),
            whole(given.campaign_id, largest=_LARGEST_INT),
        )

    def _add_lines(self, seq: int, customer_id: int, order_key: int, given: Properties) -> set[str]:
        """Adds the lines of an order; gives its categories."""
        currency = text(given.currency) or self.currency
        categories = set()
        for line in given.products if isinstance(given.products, list) else ():
            if not isinstance(line, dict):
                continue
            quantity = whole(line.get("quantity", 1), largest=_LARGEST_INT)
            price = minor(line.get("price", 0), currency) or 0
            category = text(line.get("category"))
            count = 1 if quantity is None else quantity
            product = text(line.get("product_id"))
            if category is None and product is not None:
                category = self.categories.get(product)
            self.lines.append((seq, customer_id, order_key, product, category, count, _bounded(count * price)))
            if category is not None:
                categories.add(category)
        return categories


_NO_DETAIL = (None,) * (len(_UNDATED) - _UNDATED.index("order_key"))


def _order_key(given: Properties) -> int | None:
    number = text(given.order_id)
    return _key("order", number) if number is not None else None


def _bounded(amount: int) -> int:
    return amount if abs(amount) < 2**62 else 0
