"""The list columns of the customer frame: which days an event happened on, as long rows on any engine, packed here.

A cluster's engine has no list aggregates, so that it gives a row a day and `pack_days` makes lists of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from segments.customers import NEWEST, days_column
from segments.events import EventName
from segments.reduce.days import Frame
from segments.reduce.orders import list_orders

_ORDER = str(EventName.ORDER_COMPLETED)

Numbers = npt.NDArray[Any]


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


def pack_days(happened: pl.DataFrame, people: pl.DataFrame, names: Sequence[str]) -> list[pl.Series]:
    """A list column per event for everyone in ``people``: newest first, one entry per occurrence, `NEWEST` at most.

    Packed as whole numbers: grouped and joined event by event the same took four times as long, and lists are most of a row.

    Args:
        happened: `occurrences` of these events; others, and who is not in ``people``, are passed over.
        people: whom a row is about, in the order of the lists: columns that `occurrences` has too, each row once.
        names: events, in the order of the columns.
    """
    asked = happened.filter(pl.col("event").is_in(list(names)) & (pl.col("times") > 0))
    rows = asked.join(people.with_row_index("_person"), on=people.columns)
    event = rows.get_column("event").cast(pl.Enum(list(names))).to_physical().to_numpy().astype(np.int64)
    groups, days = _newest_days(
        event * people.height + rows.get_column("_person").to_numpy(),
        rows.get_column("business_day").to_physical().to_numpy(),
        rows.get_column("times").to_numpy(),
    )
    ends = np.cumsum(np.bincount(groups, minlength=len(names) * people.height))
    bounds = np.concatenate([[0], ends])
    return [
        _lists(name, bounds[place * people.height :][: people.height + 1], days) for place, name in enumerate(names)
    ]


def _newest_days(groups: Numbers, days: Numbers, times: Numbers) -> tuple[Numbers, Numbers]:
    """Each day as often as it counts, of each group the newest `NEWEST`: groups in order, in each the newest first."""
    if not len(groups):
        return groups, days
    last = int(days.max())
    span = last - int(days.min()) + 1
    ordered = np.sort(np.repeat(groups * span + (last - days), times))
    owner, age = np.divmod(ordered, span)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    place = np.arange(len(owner)) - np.repeat(begins, np.diff(begins, append=len(owner)))
    kept = place < NEWEST
    return owner[kept], last - age[kept]


def _lists(name: str, bounds: Numbers, days: Numbers) -> pl.Series:
    values = pa.array(days[bounds[0] : bounds[-1]].astype(np.int32)).cast(pa.date32())
    packed = pa.LargeListArray.from_arrays(pa.array(bounds - bounds[0]), values)
    return cast("pl.Series", pl.from_arrow(packed)).alias(days_column(name))
