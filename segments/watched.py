"""Columns of the frame's rows that follow from what rules ask: behaviours of saved segments, and traits that the shop uses.

Only behaviours that customer_days answers: a row is made of its customer's days alone.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime

import polars as pl

from segments.customers import DAYS_PREFIX
from segments.rules.behaviour import Behaviour, amounts_column, column_of, source_of
from segments.rules.occurrences import History, days_needed, rows_of
from segments.rules.packing import pack_occurrences
from segments.rules.references import behaviours
from segments.rules.rule import Rule
from segments.shop_traits import COLUMN_PREFIX, ShopTrait

MOST_WATCHED = 100
"""Behaviours that the frame holds; others are worked out when they are asked for."""

_WHO = ("customer_id",)
_OURS = re.compile(r"^(days|amounts):.*\|[0-9a-f]{16}$", re.DOTALL)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def watchable(rules: Iterable[Rule]) -> tuple[Behaviour, ...]:
    """The behaviours of some resolved rules that rows can hold, by column; those asked for most often where they are too many."""
    asked: dict[Behaviour, int] = {}
    for rule in rules:
        for behaviour in behaviours(rule):
            if source_of(behaviour) == "days":
                asked[behaviour] = asked.get(behaviour, 0) + 1
    most = sorted(asked, key=lambda one: (-asked[one], column_of(one)))[:MOST_WATCHED]
    return tuple(sorted(most, key=column_of))


def columns_of(watched: Iterable[Behaviour]) -> list[str]:
    """Every column that these behaviours have in the frame, sorted."""
    return sorted({name for behaviour in watched for name in _columns(behaviour)})


def stored_columns(watched: Iterable[Behaviour], traits: Iterable[ShopTrait]) -> list[str]:
    """Columns of stored rows that not every row may have: of behaviours, and of traits used in segments."""
    return sorted([*columns_of(watched), *(trait.stored for trait in traits)])


def is_watched(column: str) -> bool:
    """Whether a column of a stored row is one of `stored_columns`."""
    return column.startswith(COLUMN_PREFIX) or _OURS.match(column) is not None


def events_needed(watched: Iterable[Behaviour]) -> list[str]:
    """Events whose rows in customer_days decide."""
    return sorted({event for behaviour in watched for event in days_needed(behaviour)})


def with_watched(
    rows: pl.DataFrame, days: pl.LazyFrame, watched: Sequence[Behaviour], *, day: date, verified: Collection[str]
) -> pl.DataFrame:
    """Rows of the frame with the columns of some behaviours.

    Args:
        rows: with ``customer_id``.
        days: customer_days of everyone in ``rows``, merges applied; the events of `events_needed` are enough.
        watched: behaviours of source "days".
        day: nothing later is looked at.
        verified: weighty events for which the word of a trusted source stands.
    """
    if not watched:
        return rows
    nothing = pl.LazyFrame(schema={"business_day": pl.Date})
    known = days.filter(pl.col("business_day") <= day).collect().lazy()
    history = History(days=known, events=nothing, lines=nothing, verified=verified, now=_NEVER)
    held = rows.lazy()
    for behaviour in watched:
        found = pack_occurrences(rows_of(behaviour, history, who=_WHO), behaviour, who=_WHO)
        held = held.join(found, on="customer_id", how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(pl.lit([], dtype=_dtype(name))) for name in _columns(behaviour)
        )
    return held.collect()


def _dtype(column: str) -> pl.DataType:
    return pl.List(pl.Date()) if column.startswith(DAYS_PREFIX) else pl.List(pl.Int64())


def _columns(behaviour: Behaviour) -> list[str]:
    amounts = [amounts_column(behaviour)] if behaviour.keeps == "amounts" else []
    return [column_of(behaviour), *amounts]
