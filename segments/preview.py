"""How large a segment is and what it looks like, from the customer frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from segments.breakdown import BREAKDOWNS
from segments.frame import View
from segments.membership import counts
from segments.raw_members import known_since
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
        known_since: see `segments.raw_members`.
    """

    size: int
    total: int
    reachable: int
    as_of: datetime
    known_since: date | None = None

    @property
    def share(self) -> float | None:
        """Members ÷ all; None where there is nobody."""
        return self.size / self.total if self.total else None


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
        sample: what is shown (`SHOWN`) of a few members.
    """

    size: int
    total: int
    reachable: int
    groups: tuple[GroupCount, ...]
    sample: list[dict[str, Any]]


def look(view: View, rule: Rule, *, by: str = "rank", exclude_test_accounts: bool) -> Look:
    """What a rule holds, from its conditions' masks; blocks.

    Args:
        view: everyone, with the columns that the rule needs.
        rule: a resolved rule.
        by: one of `PICTURES`.
        exclude_test_accounts: whether test accounts count for nobody.
    """
    masks, (holds,) = _asked(view, [rule], exclude_test_accounts=exclude_test_accounts)
    held = masks.select(holds=holds & pl.col("counts")).to_series()
    label = BREAKDOWNS[by].label
    needed = dict.fromkeys(["customer_id", "reachable", *label.meta.root_names()])
    members = view.rows.select(*needed).collect().filter(held)
    sizes = members.lazy().group_by(label.alias("group")).agg(pl.len().alias("size"))
    spread = members.lazy().select("customer_id", _spread().alias("spread"), place=pl.lit(held.arg_true()))
    few = spread.bottom_k(SAMPLE, by=["spread", "customer_id"]).sort("spread", "customer_id")
    groups, sample = pl.collect_all([sizes.sort("size", "group", descending=[True, False]), few])
    return Look(
        size=members.height,
        total=int(masks.get_column("counts").sum()),
        reachable=int(members.get_column("reachable").sum()),
        groups=_in_order([GroupCount(*row) for row in groups.iter_rows()], by),
        sample=view.rows.select(*SHOWN).collect()[sample.get_column("place")].to_dicts(),
    )


def sizes(view: View, rules: Sequence[Rule], *, exclude_test_accounts: bool) -> list[Count]:
    """How large any number of resolved rules are; blocks."""
    masks, holds = _asked(view, rules, exclude_test_accounts=exclude_test_accounts)
    counts, reachable = pl.col("counts"), pl.col("reachable")
    asked = [counts.sum().alias("total")]
    for place, rule in enumerate(holds):
        asked += [(rule & counts).sum().alias(f"size {place}")]
        asked += [(rule & counts & reachable).sum().alias(f"reachable {place}")]
    row = masks.select(asked).row(0, named=True)
    return [
        Count(
            size=row[f"size {place}"],
            total=row["total"],
            reachable=row[f"reachable {place}"],
            as_of=view.as_of,
            known_since=known_since(rule, view.raw_since, day=view.day),
        )
        for place, rule in enumerate(rules)
    ]


def _asked(view: View, rules: Sequence[Rule], *, exclude_test_accounts: bool) -> tuple[pl.DataFrame, list[pl.Expr]]:
    """Masks, whether a customer counts and can be reached among them, and whether each rule holds."""
    counted = pl.col("customer_id").is_not_null() & view.current & counts(exclude_test_accounts=exclude_test_accounts)
    name = f"counts, {exclude_test_accounts=}"
    others = {name: counted, "reachable": pl.col("reachable").fill_null(value=False)}
    masks, holds = view.masks.asked(view.rows, rules, others)
    return masks.rename({name: "counts"}), holds


def _in_order(groups: list[GroupCount], by: str) -> tuple[GroupCount, ...]:
    order = {name: place for place, name in enumerate(BREAKDOWNS[by].ordered)}
    return tuple(sorted(groups, key=lambda each: (each.name is None, order.get(each.name or "", 0))))


def _spread() -> pl.Expr:
    """Spreads a sample over all; the same people as long as they are members, however the rule is edited."""
    return pl.col("customer_id").hash(seed=20_200)
