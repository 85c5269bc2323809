"""Google Analytics 4's recommended events under Joren's names: one table, read by the door, by replays and by the docs.

Imports do not read it: a file's events come under the names they have. A source whose app speaks GA4 opts in, and its events are taken for ours: ``purchase`` becomes ``Order Completed``, its
``transaction_id`` the ``order_id``, its ``items`` the ``products``. A property that is there under our name already is
left alone, and whatever the table does not name stays as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from segments.events import EventName


@dataclass(frozen=True, slots=True)
class Alias:
    """One GA4 event.

    Attributes:
        name: ours; of the built-in vocabulary, or else a name of Segment's specs, kept as a custom event.
        properties: GA4's property → ours.
        item: the first element of ``items`` gives these properties to the event itself.
    """

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    item: Mapping[str, str] = field(default_factory=dict)


LINE: Mapping[str, str] = MappingProxyType(
    {"item_id": "product_id", "item_name": "name", "item_category": "category", "item_brand": "brand"}
)
"""GA4's properties of an item → ours of an order line; ``quantity`` and ``price`` are called the same."""

_ORDER = {"transaction_id": "order_id", "value": "total", "items": "products"}
_PRODUCT = {
    "item_id": "product_id",
    "item_category": "category",
    "item_name": "name",
    "item_brand": "brand",
    "price": "price",
}
_LIST = {"items": "products"}
_POINTS = {"value": "points", "virtual_currency_name": "points_name"}
_PROMOTION = {"promotion_id": "promotion_id", "creative_name": "creative", "creative_slot": "position"}

GA4: Mapping[str, Alias] = MappingProxyType(
    {
        "first_open": Alias(EventName.APPLICATION_INSTALLED),
        "session_start": Alias(EventName.APPLICATION_OPENED),
        "app_update": Alias(EventName.APPLICATION_UPDATED, {"previous_app_version": "previous_version"}),
        "app_remove": Alias(EventName.APPLICATION_UNINSTALLED),
        "sign_up": Alias(EventName.MEMBERSHIP_JOINED),
        "login": Alias("Signed In"),
        "level_up": Alias(EventName.MEMBERSHIP_RANK_CHANGED, {"level": "rank"}),
        "earn_virtual_currency": Alias(EventName.POINTS_EARNED, _POINTS),
        "spend_virtual_currency": Alias(EventName.POINTS_SPENT, _POINTS),
        "purchase": Alias(EventName.ORDER_COMPLETED, _ORDER),
        "in_app_purchase": Alias("In-App Purchase Completed", {"value": "total"}),
        "refund": Alias(EventName.ORDER_REFUNDED, _ORDER),
        "view_item": Alias(EventName.PRODUCT_VIEWED, _LIST, item=_PRODUCT),
        "select_item": Alias("Product Clicked", _LIST, item=_PRODUCT),
        "view_item_list": Alias("Product List Viewed", {"item_list_id": "list_id", "items": "products"}),
        "add_to_cart": Alias("Product Added", _LIST, item=_PRODUCT),
        "remove_from_cart": Alias("Product Removed", _LIST, item=_PRODUCT),
        "add_to_wishlist": Alias("Product Added to Wishlist", _LIST, item=_PRODUCT),
        "view_cart": Alias("Cart Viewed", _LIST),
        "begin_checkout": Alias("Checkout Started", _LIST),
        "add_shipping_info": Alias(
            "Checkout Step Completed", {"shipping_tier": "shipping_method", "items": "products"}
        ),
        "add_payment_info": Alias("Payment Info Entered", {"payment_type": "payment_method", "items": "products"}),
        "view_promotion": Alias("Promotion Viewed", _PROMOTION),
        "select_promotion": Alias("Promotion Clicked", _PROMOTION),
        "search": Alias("Products Searched", {"search_term": "query"}),
        "share": Alias("Product Shared", {"method": "share_via", "item_id": "product_id"}),
        "notification_receive": Alias(EventName.PUSH_RECEIVED),
        "notification_open": Alias(EventName.PUSH_TAPPED),
    }
)
"""GA4's event → ours."""


def translate(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Our name and properties of a GA4 event; None for a name that is not in the table. The arguments stay as they are."""
    alias = GA4.get(name)
    if alias is None:
        return None
    ours = _renamed(properties, alias.properties)
    if isinstance(ours.get("products"), list):
        ours["products"] = [_renamed(item, LINE) if isinstance(item, dict) else item for item in ours["products"]]
    return str(alias.name), _first_item(properties, alias.item) | ours


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values under our names; one that stands under ours already goes before one that stands under theirs."""
    theirs = {ours: values[name] for name, ours in names.items() if name in values and ours not in values}
    taken = {name for name, ours in names.items() if ours in theirs}
    return {name: value for name, value in values.items() if name not in taken} | theirs


def _first_item(properties: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    items = properties.get("items")
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    return {ours: first[name] for name, ours in names.items() if name in first}
