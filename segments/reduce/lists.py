"""The list columns of the customer frame: which days an event happened on, as long rows on any engine, packed by Polars.

A cluster's engine has no list aggregates, so that it gives a row a day and `pack_days` makes lists of them.
"""

from collections.abc import Mapping, Sequence

import narwhals as nw
import polars as pl

from segments.customers import NEWEST, days_column
from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.orders import list_orders

_ORDER = str(EventName.ORDER_COMPLETED)


def occurrences(facts: Frame, names: Sequence[str], *, who: Sequence[str]) -> Frame:
    """Per person and event the days on which it happened and how often (``times``, at most `NEWEST` a row).

    Of ``Order Completed`` counted orders only. A day may take several rows.
    """
    others = facts.filter(nw.col("event").is_in([name for name in names if name != _ORDER]))
    rows = [others.select(*who, "event", "business_day", nw.col("count").clip(0, NEWEST).alias("times"))]
    if _ORDER in names:
        counted = list_orders(facts, who=who).filter(nw.col("counted"))
        one = nw.lit(1, nw.Int64).alias("times")
        rows.append(counted.select(*who, nw.lit(_ORDER).alias("event"), "business_day", one))
    return nw.concat(rows, how="vertical")


def newest_only(rows: Frame, *, who: Sequence[str]) -> Frame:
    """`occurrences` without those that no list keeps: what a cluster gives back grows with customers, not with history."""
    happened = rows.filter(nw.col("times") > 0).group_by(*who, "event", "business_day").agg(nw.col("times").sum())
    upto = nw.col("times").cum_sum(reverse=True).over(*who, "event", order_by="business_day")
    return (
        happened.with_columns(upto.alias("_upto"))
        .filter(nw.col("_upto") - nw.col("times") < NEWEST)
        .select(*who, "event", "business_day", "times")
    )


def cut_to_recent(rows: pl.LazyFrame, recent: Mapping[str, int]) -> pl.LazyFrame:
    """`occurrences` on the last so many days up to ``as_of`` only, for the events of ``recent``."""
    if not recent:
        return rows
    spans = pl.LazyFrame({"event": list(recent), "span": list(recent.values())})
    young = pl.col("business_day") > pl.col("as_of") - pl.duration(days="span")
    return rows.join(spans, on="event", how="left").filter(young.fill_null(value=True)).drop("span")


def pack_days(rows: pl.LazyFrame, names: Sequence[str], *, who: Sequence[str]) -> pl.LazyFrame:
    """Per person one list of days per event: newest first, one entry per occurrence, `NEWEST` at most."""
    happened = rows.filter(pl.col("times") > 0)
    # Mostly once a day: to repeat all of them group by group took twice as long.
    more = pl.col("business_day").repeat_by(pl.col("times") - 1)
    again = happened.filter(pl.col("times") > 1).select(*who, "event", more).explode("business_day")
    newest = (
        pl.concat([happened.select(*who, "event", "business_day"), again])
        .sort("business_day", descending=True)
        .group_by(*who, "event", maintain_order=True)
        .agg(pl.col("business_day").head(NEWEST))
    )
    if len(names) == 1:
        return newest.select(*who, pl.col("business_day").alias(days_column(names[0])))
    packed = newest.cache()
    lists = packed.select(*who).unique()
    for name in names:  # picking each event's list group by group took longer than making them
        own = packed.filter(pl.col("event") == name).select(*who, pl.col("business_day").alias(days_column(name)))
        lists = lists.join(own, on=[*who], how="left")
    return lists
