"""The lake's rows of a batch, each event read and typed by itself: slow, and plain enough to be believed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from backend.lake.payload import (
    Context,
    Payload,
    minor,
    platform_of,
    properties_of,
    read_context,
    read_payload,
    text,
    whole,
)
from segments.calendar import BusinessCalendar
from segments.coupons import last_day
from segments.event_properties import kept_properties
from segments.events import VOCABULARY
from segments.ids import key64
from segments.reduce.days import DERIVED

DETAILED = {str(event.name) for event in VOCABULARY if not str(event.name).startswith(("Application ", "Consent "))}

Cells = dict[str, Any]


def lake_rows(
    rows: Sequence[Mapping[str, Any]],
    kinds: Mapping[int, str],
    customer_of: Callable[[Mapping[str, Any]], int],
    calendar: BusinessCalendar,
    currency: str,
) -> tuple[list[Cells], list[Cells]]:
    """Rows of the tables events and order_lines."""
    events, lines = [], []
    for row in rows:
        event, own = _one(row, kinds.get(row["source_id"], "app"), currency, calendar)
        shared = {
            "seq": row["seq"],
            "customer_id": customer_of(row),
            "business_day": calendar.business_day(row["occurred_at"]),
        }
        events.append(event | shared)
        lines += [line | shared for line in own]
    return events, lines


def read(row: Mapping[str, Any]) -> tuple[Payload, Context | None]:
    """What is stored of an event; nothing where its context is none."""
    payload = read_payload(row["payload"])
    try:
        return payload, read_context(payload.context)
    except msgspec.MsgspecError:
        return Payload(), None


def name_of(row: Mapping[str, Any]) -> str:
    """The event of a track call, else the type."""
    if row["type"] != "track" or not row["event"]:
        return str(row["type"])
    return f"custom {row['event']}" if row["event"] in DERIVED else str(row["event"])


def _one(row: Mapping[str, Any], kind: str, currency: str, calendar: BusinessCalendar) -> tuple[Cells, list[Cells]]:
    payload, context = read(row)
    name, given = name_of(row), properties_of(payload)
    event: Cells = {
        "event": name,
        **{column: row[column] for column in ("occurred_at", "received_at", "source_id", "trusted")},
        "platform": platform_of(context),
        "device_key": _device_key(row, kind, payload, context),
    }
    detail = (
        "order_key",
        "amount",
        "currency",
        "coupon_id",
        "store",
        "rank",
        "category",
        "score",
        "delivery_id",
        "campaign_id",
        "valid_until",
    )
    event |= dict.fromkeys(detail)
    event["properties"] = kept_properties(name, given) if row["type"] == "track" else None
    if name not in DETAILED or payload.properties is None:
        return event, []
    number = text(given.get("order_id"))
    order_key = key64("order", number) if number is not None else None
    ordered = name == "Order Completed" and order_key is not None
    lines = list(_lines(given.get("products"), order_key, text(given.get("currency")) or currency)) if ordered else []
    named = {line["category"] for line in lines} - {None}
    event |= {
        "order_key": order_key,
        "amount": whole(given.get("points")),
        "coupon_id": text(given.get("coupon_id")),
        "store": text(given.get("store_id")),
        "rank": text(given.get("rank")),
        "category": text((named.pop() if len(named) == 1 else None) if ordered else given.get("category")),
        "score": whole(given.get("rating") if given.get("score") is None else given.get("score"), largest=2**31 - 1),
        "delivery_id": whole(given.get("delivery_id")),
        "campaign_id": whole(given.get("campaign_id"), largest=2**31 - 1),
    }
    if name == "Coupon Issued":
        event["valid_until"] = last_day(given.get("valid_until"), calendar)
    if given.get("total") is not None:
        event["currency"] = text(given.get("currency")) or currency
        event["amount"] = minor(given.get("total"), event["currency"])
    return event, lines


def _device_key(row: Mapping[str, Any], kind: str, payload: Payload, context: Context | None) -> int | None:
    if kind == "system":
        return whole(properties_of(payload).get("device_key"), largest=2**63 - 1)
    device = context.device if context is not None else None
    name = text(device.id) if device is not None else None
    if name is None and (kind == "app" or device is not None):
        name = row["anonymous_id"]
    return key64(str(row["source_id"]), name) if name is not None else None


def _lines(products: Any, order_key: int | None, currency: str) -> list[Cells]:
    lines = []
    for product in products if isinstance(products, list) else []:
        if isinstance(product, dict):
            quantity = whole(product.get("quantity", 1), largest=2**31 - 1)
            count = 1 if quantity is None else quantity
            amount = count * (minor(product.get("price", 0), currency) or 0)
            lines.append(
                {
                    "order_key": order_key,
                    "product": text(product.get("product_id")),
                    "category": text(product.get("category")),
                    "brand": text(product.get("brand")),
                    "quantity": count,
                    "amount": amount if abs(amount) < 2**62 else 0,
                }
            )
    return lines
