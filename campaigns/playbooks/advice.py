"""What a shop's own data says about a playbook: whether it can reach anybody here, and which answers to begin with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from campaigns.playbooks.playbook import Answer, Ask, Kind, Need

FEWEST_GAPS = 30
"""People who came a second time, without whom nothing is said about when."""
LONGEST_LOOK = 365
"""Days back."""
_DEAREST = 1.5
"""A dearer choice begins at so many times the usual basket."""


def _some(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(value=False).any()


_SIGNS: Mapping[Need, Callable[[], pl.Expr]] = {
    Need.JOINS: lambda: _some(pl.col("joined").is_not_null()),
    Need.ORDERS: lambda: _some(pl.col("orders") > 0),
    Need.CATEGORIES: lambda: _some(pl.col("favorite_category").is_not_null()),
    Need.COUPONS: lambda: _some((pl.col("coupons_held") > 0) | (pl.col("coupons_used") > 0)),
    Need.COUPON_EXPIRY: lambda: _some(pl.col("next_coupon_expiry").is_not_null()),
    Need.RANKS: lambda: _some(pl.col("rank").is_not_null() | pl.col("computed_rank").is_not_null()),
    Need.NEXT_RANK: lambda: _some(pl.col("to_next_rank").is_not_null()),
    Need.RANK_REVIEW: lambda: _some(pl.col("rank_review").is_not_null()),
    Need.BIRTHDAYS: lambda: _some(pl.col("birth_month").is_not_null() & pl.col("birth_day").is_not_null()),
    Need.VISITS: lambda: _some((pl.col("visits") > 0) | (pl.col("orders") > 0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a shop's data shows, looked at once for all playbooks.

    Attributes:
        there: what it knows.
        interval: days within which half of those who came a second time did; None of too few.
        category: the one that most people buy most.
        basket: what an order of those comes to, minor units.
        store: the one where most were last.
        missing: what is missing to the next rank for the nearest fifth of those who have one before them.
        visits: whether visits are told of, beside orders.
    """

    there: frozenset[Need] = frozenset()
    interval: int | None = None
    category: str | None = None
    basket: int | None = None
    store: str | None = None
    missing: int | None = None
    visits: bool = False


def look(frame: pl.LazyFrame, *, today: date) -> Shop:
    """What the customer frame shows."""
    lately = pl.col("second_order") >= today - timedelta(days=LONGEST_LOOK)
    gaps = (pl.col("second_order") - pl.col("first_order")).dt.total_days().filter(lately)
    nearly = pl.col("to_next_rank").filter(pl.col("to_next_rank") > 0)
    row = frame.select(
        *(sign().alias(need) for need, sign in _SIGNS.items()),
        gaps.median().alias("interval"),
        gaps.count().alias("gaps"),
        _commonest("favorite_category"),
        _commonest("last_store"),
        nearly.quantile(0.2).alias("missing"),
        _some(pl.col("visits") > 0).alias("came"),
    ).collect()
    known: dict[str, Any] = row.row(0, named=True) if row.height else {}
    category = known["favorite_category"]
    return Shop(
        there=frozenset(need for need in Need if known[need]),
        interval=max(2, round(known["interval"])) if known["gaps"] >= FEWEST_GAPS else None,
        category=category,
        basket=_basket(frame, category) if category is not None else None,
        store=known["last_store"],
        missing=_rounded(known["missing"]) if known["missing"] else None,
        visits=bool(known["came"]),
    )


def _commonest(name: str) -> pl.Expr:
    """The value that most have; of several the first by its name."""
    return pl.col(name).drop_nulls().mode().sort().first().alias(name)


def _basket(frame: pl.LazyFrame, category: str) -> int | None:
    theirs = frame.filter((pl.col("favorite_category") == category) & (pl.col("orders") > 0))
    spend, orders = theirs.select(pl.col("spend").sum(), pl.col("orders").sum()).collect().row(0)
    return round(spend / orders) if orders and spend > 0 else None


def _rounded(amount: float) -> int:
    """With two figures, as people say it."""
    whole = max(1, round(amount))
    step: int = 10 ** max(0, len(str(whole)) - 2)
    return max(1, round(whole / step) * step)


def repeat_interval(lines: pl.LazyFrame, category: str) -> int | None:
    """Days within which half of those who bought a category a second time did so; None of too few.

    Args:
        lines: order lines with ``customer_id``, ``business_day`` and ``category``.
        category: as the lines name it.
    """
    days = lines.filter(pl.col("category") == category).select("customer_id", "business_day").unique()
    first_two = days.group_by("customer_id").agg(pl.col("business_day").sort().head(2))
    gaps = (
        first_two.filter(pl.col("business_day").list.len() == 2)  # noqa: PLR2004 - a gap has two ends
        .select((pl.col("business_day").list.last() - pl.col("business_day").list.first()).dt.total_days())
        .collect()
        .to_series()
    )
    middle = gaps.median()
    return max(2, round(middle)) if len(gaps) >= FEWEST_GAPS and isinstance(middle, int | float) else None


def suggest(ask: Ask, shop: Shop, *, slug: str, pair: tuple[str, str] | None = None) -> Answer | None:
    """An answer to begin with, out of the shop's own data; None where that says nothing.

    Args:
        ask: what is asked.
        shop: what its data shows.
        slug: of the playbook that asks.
        pair: categories that are bought together most.
    """
    if slug == "cross-sell" and ask.kind is Kind.CATEGORY:
        return pair[ask.name == "goes_with"] if pair is not None else None
    only_orders = None if shop.visits or Need.ORDERS not in shop.there else "Order Completed"
    found: Mapping[tuple[str, str], Answer | None] = {
        ("second-purchase", "days"): shop.interval,
        ("up-sell", "category"): shop.category,
        ("up-sell", "amount"): _rounded(shop.basket * _DEAREST) if shop.basket else None,
        ("rank-up-near", "missing"): shop.missing,
        ("store-event", "store"): shop.store,
        ("store-event", "goal"): only_orders,
        ("feedback", "begins_with"): only_orders,
    }
    return found.get((slug, ask.name))
