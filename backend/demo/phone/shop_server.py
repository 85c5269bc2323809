"""The shop's own server behind the phone page: it alone holds the server key, and it alone reports what has weight.

A browser asks for an order; prices, discount and order number are decided here. In a real shop these would be the
till and the membership system.
"""

import datetime as dt
import secrets
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from backend.demo.phone.config import PhoneConfig
from backend.errors import BadInput, Unavailable
from segments.events import EventName

_TIMEOUT = 15


class Person(msgspec.Struct, frozen=True):
    """Who acts, on which phone: the ids and the device that the app's own events carry."""

    anonymous_id: str
    user_id: str
    device: dict[str, Any] = msgspec.field(default_factory=dict)


class Order(msgspec.Struct, frozen=True):
    """Products chosen, one number each time one is chosen; at a store; perhaps with a coupon."""

    person: Person
    products: dict[str, int]
    store_id: str
    coupon_id: str | None = None


class CouponUse(msgspec.Struct, frozen=True):
    """A coupon handed in at the till without an order."""

    person: Person
    coupon_id: str
    store_id: str


class Consent(msgspec.Struct, frozen=True):
    """Marketing by push: yes or no."""

    person: Person
    granted: bool


class Reported(msgspec.Struct, frozen=True):
    """What the shop server sent to the intake API, and the answer's status."""

    status: int
    events: list[dict[str, Any]]


Event = dict[str, Any]


def sign_in(person: Person, config: PhoneConfig) -> list[Event]:
    """The shop vouches that this phone is this member's: a trusted identify that carries both ids."""
    config.member(person.user_id)
    return [_event(person, "identify", traits={})]


def order(wanted: Order, config: PhoneConfig) -> list[Event]:
    """An order with its points, and the coupon's redemption where one was used.

    Raises:
        BadInput: when nothing was chosen.
        NotFound: for a product or coupon that is not the shop's.
    """
    lines = [_line(product_id, count, config) for product_id, count in wanted.products.items() if count > 0]
    if not lines:
        raise BadInput("Choose at least one product.", field="products")
    coupon = config.coupon(wanted.coupon_id) if wanted.coupon_id else None
    gross = sum((_exact(line["price"]) * line["quantity"] for line in lines), Decimal(0))
    total = max(Decimal(0), gross - _exact(coupon.discount if coupon else 0))
    placed = {"order_id": f"APP-{secrets.token_hex(6).upper()}", "store_id": wanted.store_id}
    facts = {**placed, "total": _number(total), "currency": config.currency, "products": lines}
    events = [_track(wanted.person, EventName.ORDER_COMPLETED, facts)]
    if coupon:
        events.append(_track(wanted.person, EventName.COUPON_REDEEMED, {"coupon_id": coupon.id, **placed}))
    if points := int(total) // 100:
        events.append(_track(wanted.person, EventName.POINTS_EARNED, {"points": points}))
    return events


def coupon_use(use: CouponUse, config: PhoneConfig) -> list[Event]:
    """A coupon's redemption at the till."""
    facts = {"coupon_id": config.coupon(use.coupon_id).id, "store_id": use.store_id}
    return [_track(use.person, EventName.COUPON_REDEEMED, facts)]


def consent(change: Consent) -> list[Event]:
    """Consent to marketing by push, given or withdrawn."""
    facts = {"purpose": "marketing", "channel": "push", "granted": change.granted}
    return [_track(change.person, EventName.CONSENT_CHANGED, facts)]


async def report(events: list[Event], config: PhoneConfig, *, now: dt.datetime) -> Reported:
    """Send events to the intake API with the server key and give the answer's status.

    Raises:
        Unavailable: when the intake API does not answer.
    """
    sent_at = now.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    stamped = [{**event, "timestamp": sent_at} for event in events]
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
            answer = await client.post(
                f"{config.api_url.rstrip('/')}/v1/batch",
                auth=(config.server_write_key, ""),
                json={"batch": stamped, "sentAt": sent_at},
            )
    except httpx.HTTPError as error:
        raise Unavailable(f"The intake API does not answer ({type(error).__name__}).") from None
    return Reported(answer.status_code, stamped)


def _line(product_id: str, quantity: int, config: PhoneConfig) -> dict[str, Any]:
    product = config.product(product_id)
    name = product.name if isinstance(product.name, str) else product.name.ja
    priced = {"quantity": quantity, "price": _number(_exact(product.price))}
    return {"product_id": product.id, "name": name, "category": product.category, **priced}


def _track(person: Person, name: EventName, properties: dict[str, Any]) -> Event:
    return _event(person, "track", event=name.value, properties=properties)


def _event(person: Person, kind: str, **own: Any) -> Event:
    return {
        "type": kind,
        "messageId": f"shop-{secrets.token_hex(12)}",
        "userId": person.user_id,
        "anonymousId": person.anonymous_id,
        "context": {"device": person.device, "library": {"name": "phone-page-shop-server", "version": "1"}},
        **own,
    }


def _exact(amount: float) -> Decimal:
    return Decimal(str(amount))


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)
