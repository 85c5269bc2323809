"""How large a segment is and what it looks like: queries over the customer frame, to be collected by the shell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from segments.breakdown import BREAKDOWNS
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


_ALL = pl.lit(value=True)

PICTURES = ("rank", "last_store", "age_band")
"""Attributes by which a preview parts members; names of `segments.breakdown.BREAKDOWNS`."""


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Members of one group; ``name`` is None for those of whom it is not known."""

    name: str | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass over the frame tells of a rule.

    Attributes:
        size: members.
        total: all customers that count.
        reachable: members who can be reached by push.
        groups: members by one of `PICTURES`, in the order of the groups or, where they have none, the largest first.
        sample: surrogate ids of a few members.
    """

    size: int
    total: int
    reachable: int
    groups: tuple[GroupCount, ...]
    sample: tuple[int, ...]


def marked(frame: pl.LazyFrame, rule: Rule, *, by: str = "rank", counting: pl.Expr = _ALL) -> pl.LazyFrame:
    """One row a customer: whether they count and meet ``rule``, reach, and the group of the picture; `looked` reads it.

    Args:
        frame: everyone, with the columns that the rule needs.
        rule: a parsed rule.
        by: one of `PICTURES`.
        counting: who counts (`segments.membership.counts`).
    """
    counts = pl.col("customer_id").is_not_null() & counting
    return frame.select(
        counts.alias("counts"),
        (counts & compile_rule(rule, frame.collect_schema())).alias("holds"),
        pl.col("reachable").fill_null(value=False),
        pl.col("customer_id"),
        BREAKDOWNS[by].label.alias("group"),
    )


def looked(marks: pl.DataFrame, *, by: str = "rank") -> Look:
    """Size, reach, picture and sample from the rows of `marked`."""
    members = marks.filter("holds")
    sizes = members.lazy().group_by("group").agg(pl.len().alias("size")).sort("size", "group", descending=[True, False])
    few = members.lazy().select("customer_id", _spread().alias("spread")).bottom_k(SAMPLE, by=["spread", "customer_id"])
    groups, sample = pl.collect_all([sizes, few.sort("spread").select("customer_id")])
    return Look(
        size=members.height,
        total=int(marks.get_column("counts").sum()),
        reachable=int(members.get_column("reachable").sum()),
        groups=_in_order([GroupCount(*row) for row in groups.iter_rows()], by),
        sample=tuple(sample.to_series()),
    )


def _in_order(groups: list[GroupCount], by: str) -> tuple[GroupCount, ...]:
    order = {name: place for place, name in enumerate(BREAKDOWNS[by].ordered)}
    return tuple(sorted(groups, key=lambda each: (each.name is None, order.get(each.name or "", 0))))


def sizes(frame: pl.LazyFrame, rules: Sequence[Rule], *, counting: pl.Expr = _ALL) -> pl.LazyFrame:
    """One row with the sizes of any number of rules, in one pass over the frame; `counted` reads it."""
    columns = frame.collect_schema()
    reachable = pl.col("reachable").fill_null(value=False)
    counts = pl.col("customer_id").is_not_null() & counting
    asked = [counts.sum().alias("total")]
    for place, rule in enumerate(rules):
        holds = compile_rule(rule, columns) & counts
        asked += [holds.sum().alias(f"size {place}"), (holds & reachable).sum().alias(f"reachable {place}")]
    return frame.select(asked)


def counted(row: Mapping[str, int], place: int, as_of: datetime) -> Count:
    """The count of the rule at ``place`` from the row of `sizes`."""
    return Count(size=row[f"size {place}"], total=row["total"], reachable=row[f"reachable {place}"], as_of=as_of)


def people(frame: pl.LazyFrame, customer_ids: Sequence[int]) -> pl.LazyFrame:
    """What a preview shows of these customers, in the order of `Look.sample`."""
    shown = frame.filter(pl.col("customer_id").is_in(list(customer_ids))).select(*SHOWN)
    return shown.sort(_spread())


def _spread() -> pl.Expr:
    """Spreads a sample over all; the same people as long as they are members, however the rule is edited."""
    return pl.col("customer_id").hash(seed=20_200)
