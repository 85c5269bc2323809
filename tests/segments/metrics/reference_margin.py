"""Lifetime value by margin by counting on fingers, in fractions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor
from typing import Any

from segments.metrics.margin_rates import MarginRates
from tests.segments.history import Happening
from tests.segments.metrics.reference import Shop
from tests.segments.reference_customers import orders_of

_ALL = Fraction(1)


@dataclass
class Margin:
    """What is known of the margin of some customers; money in minor units."""

    margin: int = 0
    buyers: int = 0
    sales: int = 0
    covered: int = 0
    known: bool = False
    partly: bool = False
    moved: list[tuple[int, bool, Fraction, Fraction]] = field(default_factory=list)
    """Net, whether it is a counted order's, the rate, and the part that has one."""


def margin(shop: Shop, first: date, last: date, versions: Sequence[MarginRates]) -> Margin:
    """Of everyone who is asked for and has an order that counts as of a day."""
    found = Margin()
    for who in shop.people:
        rows = [row for row in shop.rows if row.customer == who and row.day <= last]
        orders = orders_of(rows)
        if shop.in_period(who, first) and any(order["counted"] for order in orders.values()):
            found.buyers += 1
            found.moved += [
                (order["net"], order["counted"], *_rate(order["row"].lines, order["day"], versions))
                for order in orders.values()
            ]
            found.moved += _strangers(rows, orders, versions)
    for net, counted, rate, rated in found.moved:
        found.margin += _half_up(net * rate)
        found.known |= rated > 0
        found.partly |= net != 0 and rated < 1
        if counted and net > 0:
            found.sales += net
            found.covered += _half_up(net * rated)
    return found


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def _in_force(day: date, versions: Sequence[MarginRates]) -> MarginRates | None:
    begun = [one for one in versions if one.valid_from <= day]
    return max(begun, key=lambda one: (one.valid_from, one.version), default=None)


def _default(day: date, versions: Sequence[MarginRates]) -> tuple[Fraction, Fraction]:
    held = _in_force(day, versions)
    if held is None or held.default is None:
        return Fraction(0), Fraction(0)
    return Fraction(held.default, 10_000), _ALL


def _rate(
    lines: Sequence[tuple[str, int, int]], day: date, versions: Sequence[MarginRates]
) -> tuple[Fraction, Fraction]:
    """The rate of an order and the part of it that has one."""
    money: dict[str, int] = {}
    pieces: dict[str, int] = {}
    for category, quantity, amount in lines:
        money[category] = money.get(category, 0) + amount
        pieces[category] = pieces.get(category, 0) + quantity
    weights = money if any(amount > 0 for amount in money.values()) else pieces
    weights = {category: weight for category, weight in weights.items() if weight > 0}
    if not weights:
        return _default(day, versions)
    held = _in_force(day, versions)
    own = dict(held.categories) if held else {}
    rate = rated = Fraction(0)
    for category, weight in weights.items():
        part = Fraction(weight, sum(weights.values()))
        each, known = (Fraction(own[category], 10_000), _ALL) if category in own else _default(day, versions)
        rate, rated = rate + part * each, rated + part * known
    return rate, rated


def _strangers(
    rows: list[Happening], orders: dict[int, dict[str, Any]], versions: Sequence[MarginRates]
) -> list[tuple[int, bool, Fraction, Fraction]]:
    """Money given back for orders nobody knows, by number and day."""
    back: dict[tuple[int | None, date], int] = {}
    for row in rows:
        if row.event in ("Order Refunded", "Order Cancelled") and row.order not in orders:
            back[row.order, row.day] = back.get((row.order, row.day), 0) + (row.amount or 0)
    return [(-amount, False, *_default(day, versions)) for (_, day), amount in back.items()]
