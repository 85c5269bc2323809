"""The slow, obvious reduction of a history to one customer, in plain Python."""

from collections import Counter
from datetime import date
from typing import Any

from segments.customers import NEWEST, days_column
from segments.events import BY_NAME
from segments.reduce.ranks import STANDING
from tests.segments.history import Happening


def verified_names(history: list[Happening]) -> set[str]:
    """Events that a trusted source of the shop has told, and those that undo them."""
    trusted = {row.event for row in history if row.trusted}
    trusted |= {"Order Refunded", "Order Cancelled"} if "Order Completed" in trusted else set()
    trusted |= {"Points Spent", "Points Expired"} if "Points Earned" in trusted else set()
    return trusted


def verified_only(history: list[Happening]) -> list[Happening]:
    """Weighty facts of untrusted sources step back where the shop has trusted ones of that name, or of what they undo."""
    trusted = verified_names(history)
    return [
        row
        for row in history
        if row.trusted or row.event not in BY_NAME or not BY_NAME[row.event].weighty or row.event not in trusted
    ]


def orders_of(rows: list[Happening]) -> dict[int, dict[str, Any]]:
    """One customer's orders by number, with net amount and whether they count."""
    orders: dict[int, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda one: one.seq):
        if row.event == "Order Completed" and row.order not in orders:
            orders[row.order] = {"row": row, "day": row.day, "amount": row.amount or 0}
    for number, order in orders.items():
        back = [row for row in rows if row.event in ("Order Refunded", "Order Cancelled") and row.order == number]
        refunded = sum(row.amount or 0 for row in back)
        whole = any(row.event == "Order Cancelled" or row.amount is None for row in back)
        order["counted"] = not (whole or (back and refunded >= order["amount"]))
        order["net"] = 0 if whole else order["amount"] - refunded
    return orders


def order_lists(history: list[Happening], who: int, as_of: date) -> dict[str, list[Any]]:
    """What the frame lists of one customer's counted orders."""
    rows = [row for row in verified_only(history) if row.customer == who and row.day <= as_of]
    counted = [order for order in orders_of(rows).values() if order["counted"]]
    counted.sort(key=lambda order: (order["day"], order["row"].at, order["row"].seq))
    return {
        "orders:business_day": [order["day"] for order in counted],
        "orders:first_at": [order["row"].at for order in counted],
        "orders:first_seq": [order["row"].seq for order in counted],
        "orders:store": [order["row"].store or "" for order in counted],
        "orders:net": [order["net"] for order in counted],
    }


def active_days(history: list[Happening], who: int, as_of: date, event: str) -> set[date]:
    """Days on which one customer did something."""
    if event == "Order Completed":
        return {*order_lists(history, who, as_of)["orders:business_day"]}
    return {
        row.day for row in verified_only(history) if row.customer == who and row.day <= as_of and row.event == event
    }


def customer(history: list[Happening], who: int, as_of: date) -> dict[str, Any]:
    """The row of the customer frame of one customer."""
    rows = [row for row in verified_only(history) if row.customer == who and row.day <= as_of]
    return {
        "customer_id": who,
        "as_of": as_of,
        **_activity(rows),
        **_membership(rows),
        **_purchases(rows),
        **_coupons(rows, as_of),
        **dict.fromkeys(STANDING),
        **_day_lists(rows),
    }


def _days(rows: list[Happening], event: str) -> list[date]:
    return sorted(row.day for row in rows if row.event == event)


def _activity(rows: list[Happening]) -> dict[str, Any]:
    not_theirs = ("Push Address Retired", "Coupon Issued", "Coupon Expired")
    acts = [row.day for row in rows if row.event not in not_theirs]
    launches, visits = _days(rows, "Application Opened"), _days(rows, "Store Visited")
    stores = [(row.at, row.store) for row in rows if row.event in ("Store Visited", "Order Completed") and row.store]
    latest = max((at for at, _ in stores), default=None)
    return {
        "first_seen": min(acts, default=None),
        "last_seen": max(acts, default=None),
        "launches": len(launches),
        "last_launch": max(launches, default=None),
        "visits": len(visits),
        "last_visit": max(visits, default=None),
        "last_store": min((store for at, store in stores if at == latest), default=None),
    }


def _membership(rows: list[Happening]) -> dict[str, Any]:
    joins = [row for row in rows if row.event == "Membership Joined"]
    leaves = [row for row in rows if row.event == "Membership Withdrawn"]
    left_at = max((row.at for row in leaves), default=None)
    again = [row.day for row in joins if left_at is not None and row.at > left_at]
    points = {"Points Earned": 1, "Points Spent": -1, "Points Expired": -1}
    ranks = [row for row in rows if row.event == "Membership Rank Changed"]
    last = max((row.at for row in ranks), default=None)
    rank = min((row.rank for row in ranks if row.at == last), default=None)
    other = max((row.at for row in ranks if row.rank != rank), default=None)
    return {
        "joined": min(again or [row.day for row in joins], default=None),
        "withdrawn": None if again or not leaves else max(row.day for row in leaves),
        "points": sum(points.get(row.event, 0) * (row.amount or 0) for row in rows),
        "rank": rank,
        "rank_since": min(
            (row.day for row in ranks if row.rank == rank and (other is None or row.at >= other)), default=None
        ),
    }


def _purchases(rows: list[Happening]) -> dict[str, Any]:
    orders = orders_of(rows)
    counted = [order for order in orders.values() if order["counted"]]
    strangers = [
        row.amount or 0
        for row in rows
        if row.event in ("Order Refunded", "Order Cancelled") and row.order not in orders
    ]
    quantity: Counter[str] = Counter()
    money: Counter[str] = Counter()
    for order in counted:
        for category, pieces, amount in order["row"].lines:
            if category:
                quantity[category] += pieces
                money[category] += amount
    favorites = sorted(quantity, key=lambda name: (-quantity[name], -money[name], name))
    return {
        "orders": len(counted),
        "purchase_days": len({order["day"] for order in counted}),
        "spend": sum(order["net"] for order in orders.values()) - sum(strangers),
        "first_order": min((order["day"] for order in counted), default=None),
        "second_order": dict(enumerate(sorted({order["day"] for order in counted}))).get(1),
        "last_order": max((order["day"] for order in counted), default=None),
        "favorite_category": favorites[0] if favorites else None,
    }


def _coupons(rows: list[Happening], as_of: date) -> dict[str, Any]:
    issued = {row.coupon for row in rows if row.event == "Coupon Issued"}
    used = {row.coupon for row in rows if row.event == "Coupon Redeemed"}
    expired = {row.coupon for row in rows if row.event == "Coupon Expired"}
    ends = {
        coupon: _end([row for row in rows if row.event == "Coupon Issued" and row.coupon == coupon])
        for coupon in issued
    }
    held = {coupon for coupon in issued - used - expired if (ends[coupon] or date.max) >= as_of}
    coming = [day for coupon in held if (day := ends[coupon]) is not None]
    return {
        "coupons_held": len(held),
        "coupons_used": len(used),
        "next_coupon_expiry": min(coming, default=None),
    }


def _end(issues: list[Happening]) -> date | None:
    """The latest last day, unless one of the issues has none."""
    days = [row.until for row in issues]
    return None if None in days else max(day for day in days if day is not None)


def _day_lists(rows: list[Happening]) -> dict[str, Any]:
    found: dict[str, list[date]] = {}
    for row in rows:
        if row.event != "Order Completed":
            found.setdefault(row.event, []).append(row.day)
    found["Order Completed"] = [order["day"] for order in orders_of(rows).values() if order["counted"]]
    return {days_column(name): sorted(days, reverse=True)[:NEWEST] for name, days in found.items()}
