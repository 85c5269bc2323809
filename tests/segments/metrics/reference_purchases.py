"""Purchase KPIs by counting on fingers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import narwhals as nw
import polars as pl

from segments.metrics.facts import Facts
from segments.reduce.days import merge_customers
from tests.segments.history import Happening, days_of, frames
from tests.segments.metrics.reference import Pair, Shop
from tests.segments.reference_customers import orders_of


@dataclass(frozen=True)
class Purchase:
    """One purchase of a customer: its day, its net amount, and item → (quantity, amount)."""

    day: date
    net: int
    items: dict[str, tuple[int, int]]


def purchases_of(shop: Shop, who: int, basis: str) -> list[Purchase]:
    """A customer's purchases, oldest first."""
    groups: dict[Any, list[Any]] = {}
    for number, order in orders_of([row for row in shop.rows if row.customer == who]).items():
        if order["counted"]:
            key = {"days": order["day"], "receipts": number, "store_days": (order["day"], order["row"].store or "")}
            groups.setdefault(key[basis], []).append(order)
    begun = sorted(
        groups.values(),
        key=lambda group: (
            group[0]["day"],
            min(order["row"].at for order in group),
            min(order["row"].seq for order in group),
        ),
    )
    return [
        Purchase(group[0]["day"], sum(order["net"] for order in group), _items(order["row"] for order in group))
        for group in begun
    ]


def _items(rows: Iterable[Happening]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        for category, quantity, amount in row.lines:
            if category:
                pieces, money = found.get(category, (0, 0))
                found[category] = (pieces + quantity, money + amount)
    return found


def by_customer(shop: Shop, first: date, basis: str) -> list[list[Purchase]]:
    """The purchases of each customer whose figures are asked for."""
    return [purchases_of(shop, who, basis) for who in shop.people if shop.in_period(who, first)]


def repeat_rates(shop: Shop, first: date, last: date, basis: str) -> dict[str, Pair]:
    """The three repeat rates."""
    people = by_customer(shop, first, basis)
    repeaters = sum(any(first <= one.day <= last for one in mine[1:]) for mine in people)
    new = [mine for mine in people if mine and first <= mine[0].day <= last]
    return {
        "repeat_rate_cumulative": (repeaters, sum(bool(mine) and mine[0].day <= last for mine in people)),
        "repeat_rate_same_period": (repeaters, len(new)),
        "repeat_rate_of_new": (sum(len(mine) > 1 and mine[1].day <= last for mine in new), len(new)),
    }


def gaps(shop: Shop, first: date, last: date, basis: str) -> list[int]:
    """Days between consecutive purchases, the later one in the window."""
    return [
        (later.day - earlier.day).days
        for mine in by_customer(shop, first, basis)
        for earlier, later in pairwise(mine)
        if first <= later.day <= last
    ]


def percentile(values: Sequence[int], share: Fraction) -> Fraction:
    """A percentile by linear interpolation between the values in order."""
    ordered, place = sorted(values), (len(values) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def cross_and_up(shop: Shop, first: date, last: date, *, gap: int, basis: str) -> dict[str, Pair]:
    """Cross-sell and up-sell."""
    crossed: list[bool] = []
    upped: list[bool] = []
    for mine in by_customer(shop, first, basis):
        follow_ups = [
            place
            for place in range(1, len(mine))
            if first <= mine[place].day <= last and (mine[place].day - mine[place - 1].day).days <= gap
        ]
        if follow_ups:
            crossed.append(any(set(mine[place].items) - _seen(mine[:place]) for place in follow_ups))
        spent, usual, known = 0, Fraction(0), False
        for place in follow_ups:
            for item, (quantity, amount) in mine[place].items.items():
                pieces = sum(one.items[item][0] for one in mine[:place] if item in one.items)
                money = sum(one.items[item][1] for one in mine[:place] if item in one.items)
                if pieces:
                    spent, usual, known = spent + amount, usual + Fraction(quantity * money, pieces), True
        if known:
            upped.append(spent > 0 and spent >= usual * Fraction(11, 10))
    return {"cross_sell_rate": (sum(crossed), len(crossed)), "up_sell_rate": (sum(upped), len(upped))}


def _seen(purchases: Iterable[Purchase]) -> set[str]:
    return {item for one in purchases for item in one.items}


def affinity(
    shop: Shop, first: date, last: date, *, baskets: str, basis: str, min_support: int
) -> dict[tuple[str, str], tuple[int, Fraction, Fraction, Fraction, Fraction]]:
    """Per pair: baskets with both, support, confidence there and back, lift."""
    found = []
    for mine in by_customer(shop, first, basis):
        held = [set(one.items) for one in mine if first <= one.day <= last]
        found += [set().union(*held)] if baskets == "customers" else held
    found = [one for one in found if one]
    single = Counter(item for one in found for item in one)
    pairs = Counter(pair for one in found for pair in combinations(sorted(one), 2))
    return {
        (a, b): (
            both,
            Fraction(both, len(found)),
            Fraction(both, single[a]),
            Fraction(both, single[b]),
            Fraction(both * len(found), single[a] * single[b]),
        )
        for (a, b), both in pairs.items()
        if Fraction(both, len(found)) >= Fraction(min_support, 10_000)
    }


def facts_of(
    history: list[Happening], today: date, *, merges: dict[int, int] | None = None, **more: Any
) -> tuple[Facts, list[Happening]]:
    """Facts of a history with some customers merged, and the same history told under the survivors. Products are categories."""
    days, (_, lines) = days_of(history), frames(history)
    who = pl.col("customer_id")
    if merges:
        columns = {"customer_id": [*merges], "survivor": [*merges.values()]}
        table = nw.from_native(pl.LazyFrame(columns, schema={"customer_id": pl.Int64, "survivor": pl.Int64}))
        days = merge_customers(nw.from_native(days), table).to_native()
        lines = lines.with_columns(who.replace(merges))
    told = [replace(row, customer=(merges or {}).get(row.customer, row.customer)) for row in history]
    return Facts(days=days, lines=lines.with_columns(product=pl.col("category")), today=today, **more), told
