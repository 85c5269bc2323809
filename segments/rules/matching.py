"""Filters on properties as expressions: over rows of customer_days, over events, and over orders."""

from collections.abc import Collection

import polars as pl

from segments.events import EventName
from segments.rules.behaviour import NUMBERS, OF_LINES, Match, Property, kept_as
from segments.rules.own_matching import holds_own

_VISITED = str(EventName.STORE_VISITED)
_ORDER = str(EventName.ORDER_COMPLETED)
_COLUMNS = {Property.COUPON: "coupon_id", Property.CAMPAIGN: "campaign_id"}


def holds(match: Match, event: str, *, in_days: bool) -> pl.Expr:
    """Whether a row has the property as the filter wants it; a row that does not have it at all never does.

    Args:
        match: the filter.
        event: what the rows are.
        in_days: rows of customer_days, else of the lake's events.
    """
    own = kept_as(match.name, event)
    if own is not None:
        return holds_own(match, own)
    if not in_days:
        column = pl.col(_COLUMNS.get(Property(match.name), match.name))
        return _compared(column if match.name in NUMBERS else column.cast(pl.String), match)
    # A coupon's store is the detail beside its key; every other property that is kept is the key.
    detail = match.name == Property.STORE and event != _VISITED
    text = pl.col("detail" if detail else "key")
    return (text != "") & _compared(text, match)


def holds_of_order(match: Match) -> pl.Expr:
    """The same of a counted order's own store, and of the amount it was reported with."""
    if match.name == Property.STORE:
        return (pl.col("store") != "") & _compared(pl.col("store"), match)
    return _compared(pl.col("amount"), match)


def passing(events: pl.LazyFrame, order_lines: pl.LazyFrame, *, event: str, filters: Collection[Match]) -> pl.LazyFrame:
    """Of the lake's events those of a name that pass filters on their properties; ``order_lines`` are those of its orders."""
    kept = events.filter(pl.col("event") == event)
    for match in filters:
        kept = _keep(kept, order_lines, event, match)
    return kept


def _keep(events: pl.LazyFrame, lines: pl.LazyFrame, name: str, match: Match) -> pl.LazyFrame:
    if name != _ORDER or match.name == Property.PLATFORM or kept_as(match.name, name) is not None:
        return events.filter(holds(match, name, in_days=False))
    if match.name != Property.CATEGORY and match.name not in OF_LINES:
        return events.filter(holds_of_order(match))
    # Of an order one of the lines decides: any that is asked for; or there are some, and none of these.
    named = lines.select("seq", pl.col(match.name).alias("word")).drop_nulls()
    equal = named.filter(pl.col("word").is_in(list(match.value) if isinstance(match.value, tuple) else []))
    if match.op == "in":
        return events.join(equal, on="seq", how="semi")
    return events.join(named, on="seq", how="semi").join(equal, on="seq", how="anti")


def _compared(column: pl.Expr, match: Match) -> pl.Expr:
    match match.op, match.value:
        case "in", tuple(texts):
            found = column.is_in(list(texts))
        case "not_in", tuple(texts):
            found = ~column.is_in(list(texts))
        case ">=", int(number):
            found = column >= number
        case "<=", int(number):
            found = column <= number
        case "between", (low, high):
            found = column.is_between(low, high)
        case _:
            raise ValueError(f"{match} is no filter")
    return found.fill_null(value=False)
