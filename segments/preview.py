"""How large a segment is and what it looks like: queries over the customer frame, to be collected by the shell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from segments.rules.compile import compile_rule
from segments.rules.rule import Rule

SAMPLE = 10
"""How many people a preview shows."""

SHOWN = ("customer_id", "rank", "orders", "last_order", "last_seen", "reachable")
"""Columns of the people a preview shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How large a segment is.

    Attributes:
        size: members.
        total: all customers that count.
        reachable: members who can be reached by push.
        as_of: up to when facts are known.
    """

    size: int
    total: int
    reachable: int
    as_of: datetime

    @property
    def share(self) -> float | None:
        """Members ÷ all; None where there is nobody."""
        return self.size / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class RankCount:
    """Members of one rank; None for those without."""

    rank: str | None
    size: int


def sizes(everyone: pl.LazyFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    """One row with the sizes of any number of rules, in one pass over the frame; `counted` reads it."""
    columns = everyone.collect_schema().names()
    reachable = pl.col("reachable").fill_null(value=False)
    asked = [pl.len().alias("total")]
    for place, rule in enumerate(rules):
        holds = compile_rule(rule, columns) & pl.col("customer_id").is_not_null()
        asked += [holds.sum().alias(f"size {place}"), (holds & reachable).sum().alias(f"reachable {place}")]
    return everyone.select(asked)


def counted(row: Mapping[str, int], place: int, as_of: datetime) -> Count:
    """The count of the rule at ``place`` from the row of `sizes`."""
    return Count(size=row[f"size {place}"], total=row["total"], reachable=row[f"reachable {place}"], as_of=as_of)


def by_rank(members: pl.LazyFrame) -> pl.LazyFrame:
    """Members by rank, most first: rank, size."""
    return members.group_by("rank").agg(pl.len().alias("size")).sort("size", "rank", descending=[True, False])


def sample(members: pl.LazyFrame) -> pl.LazyFrame:
    """A few members, spread over all; the same people as long as they are members, however the rule is edited."""
    spread = pl.col("customer_id").hash(seed=20_200)
    return (
        members.select(*SHOWN, spread.alias("spread"))
        .bottom_k(SAMPLE, by=["spread", "customer_id"])
        .sort("spread")
        .drop("spread")
    )
