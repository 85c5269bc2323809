"""Occurrences of a behaviour as the list columns that rules read."""

from collections.abc import Sequence

import polars as pl

from segments.customers import NEWEST
from segments.rules.behaviour import Behaviour, amounts_column, column_of, is_oldest_first

_CUSTOMER = ("customer_id",)


def pack_occurrences(rows: pl.LazyFrame, behaviour: Behaviour, *, who: Sequence[str] = _CUSTOMER) -> pl.LazyFrame:
    """``who`` and the behaviour's columns of everyone who did it: newest day first, but for the lists of every order.

    Args:
        rows: ``who``, ``business_day``, ``times`` and ``amount``, see `segments.rules.occurrences.behaviour_rows`;
            where the behaviour keeps amounts each occurrence has a row of its own.
        behaviour: what they are occurrences of; see `Behaviour.keeps` for how many of them are listed.
        who: columns that name the person.
    """
    day, column = pl.col("business_day"), column_of(behaviour)
    happened = rows.filter(pl.col("times") > 0)
    if behaviour.keeps == "days":
        happened = happened.select(*who, "business_day").unique()
    ordered = happened.sort("business_day", descending=not is_oldest_first(behaviour)).group_by(
        *who, maintain_order=True
    )
    if behaviour.keeps == "newest":
        repeated = day.repeat_by(pl.col("times").clip(0, NEWEST)).explode().head(NEWEST)
        return ordered.agg(repeated.alias(column))
    if behaviour.keeps == "days":
        return ordered.agg(day.alias(column))
    return ordered.agg(day.alias(column), pl.col("amount").alias(amounts_column(behaviour)))
