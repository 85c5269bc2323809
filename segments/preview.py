"""How large a segment is and what it looks like, from the customer frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from segments.breakdown import BREAKDOWNS
from segments.estimate import Range, estimate, scaled
from segments.frame import Glance, View
from segments.membership import counts
from segments.raw_members import known_since
from segments.rules.bounds import bounds
from segments.rules.compile import combine
from segments.rules.rule import Condition, InSegment, Rule, conditions_of
from segments.sampling import NEAR, drawn

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
class About:
    """Estimates of a sample; never stored, never sent to.

    Attributes:
        size: members.
        reachable: members who can be reached by push.
        asked: people of the sample.
    """

    size: Range
    reachable: Range
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass over the frame tells of a rule.

    Attributes:
        size: members.
        total: all customers that count.
        reachable: members who can be reached by push.
        groups: members by one of `PICTURES`, in the order of the groups or, where they have none, the largest first.
        sample: what is shown (`SHOWN`) of a few members.
        about: set where the other figures are estimates: between which numbers they lie.
    """

    size: int
    total: int
    reachable: int
    groups: tuple[GroupCount, ...]
    sample: list[dict[str, Any]]
    about: "About | None" = None


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
    groups = _grouped(view, by, held=held, certain=held).select("group", size="certain")
    return Look(
        size=int(held.sum()),
        total=_sum(masks, "counts"),
        reachable=int((held & masks.get_column("reachable")).sum()),
        groups=_in_order(groups, by),
        sample=_few(view, held),
    )


def look_soon(glance: Glance, rule: Rule, *, by: str = "rank", exclude_test_accounts: bool) -> Look:
    """As `look`, with estimates where conditions are still being counted; blocks.

    Args:
        glance: everyone, and a sample.
        rule: a resolved rule.
        by: one of `PICTURES`.
        exclude_test_accounts: whether test accounts count for nobody.
    """
    if not glance.sampled:
        return look(glance.view, rule, by=by, exclude_test_accounts=exclude_test_accounts)
    view, places = glance.view, glance.places
    everyone = _of_everyone(glance, rule, exclude_test_accounts=exclude_test_accounts)
    asked = (
        everyone[places].with_columns(_sampled(glance, rule)).with_columns(held=pl.col("held") & pl.col("undecided"))
    )
    size, reachable = _range(everyone, asked), _range(*(part.filter("reachable") for part in (everyone, asked)))
    certain = everyone.get_column("certain")
    found = certain.clone().scatter(places.filter(asked.get_column("held")), values=True)
    counted = _grouped(view, by, held=found, certain=certain)
    groups = scaled(counted, undecided=_sum(everyone, "undecided"), asked=_sum(asked, "undecided"))
    return Look(
        size=size.size,
        total=_sum(everyone, "counts"),
        reachable=min(size.size, reachable.size),
        groups=_in_order(groups.filter(pl.col("size") > 0), by),
        sample=_few(view, found),
        about=About(size=size, reachable=reachable, asked=len(places)),
    )


def _of_everyone(glance: Glance, rule: Rule, *, exclude_test_accounts: bool) -> pl.DataFrame:
    """Of each stored row what is known already: ``counts``, ``reachable``, whether the rule holds for certain, and whether nobody knows."""
    known = [one for one in conditions_of(rule) if one not in glance.sampled and not isinstance(one, InSegment)]
    masks, answers = _asked(glance.view, known, exclude_test_accounts=exclude_test_accounts)
    by_condition: dict[Condition, pl.Expr] = dict(zip(known, answers, strict=True))
    certain, possible = bounds(rule, by_condition.get)
    counts = pl.col("counts")
    return masks.with_columns(certain=certain & counts, undecided=possible & ~certain & counts)


def _sampled(glance: Glance, rule: Rule) -> pl.Series:
    """Of each person of the sample whether the rule holds."""
    conditions: dict[Condition, None] = dict.fromkeys(conditions_of(rule))
    known = [one for one in conditions if one not in glance.sampled and not isinstance(one, InSegment)]
    masks, answers = _asked(glance.view, known, exclude_test_accounts=False)
    names: dict[Condition, str] = {one: f"answer {place}" for place, one in enumerate(conditions)}
    own = masks[glance.places].select(
        pl.col("counts"),
        *(answer.alias(names[one]) for one, answer in zip(known, answers, strict=True)),
    )
    whole = own.with_columns(truth.alias(names[one]) for one, truth in glance.sampled.items() if one in names)
    return whole.select(held=combine(rule, lambda one: pl.col(names[one]))).to_series()


def _range(everyone: pl.DataFrame, asked: pl.DataFrame) -> Range:
    return estimate(
        certain=_sum(everyone, "certain"),
        undecided=_sum(everyone, "undecided"),
        asked=_sum(asked, "undecided"),
        held=_sum(asked, "held"),
    )


def _sum(rows: pl.DataFrame, name: str) -> int:
    return int(rows.get_column(name).sum())


def _grouped(view: View, by: str, *, held: pl.Series, certain: pl.Series) -> pl.DataFrame:
    """``group``, and of those who are ``held`` how many are ``certain``, and how many are not."""
    label = BREAKDOWNS[by].label
    rows = view.rows.select(*dict.fromkeys(label.meta.root_names())).collect()
    sure = pl.col("certain")
    counted = (
        rows.with_columns(held.alias("held"), certain.alias("certain"))
        .lazy()
        .filter("held")
        .group_by(label.alias("group"))
        .agg(sure.sum().cast(pl.Int64), (~sure).sum().cast(pl.Int64).alias("held"))
    )
    # Streamed: in one go a filter copies the texts of nearly everyone, where a rule holds of them.
    return counted.collect(engine="streaming")


def _few(view: View, held: pl.Series) -> list[dict[str, Any]]:
    """What is shown of a few members: the same people as long as they are members, however the rule is edited."""
    drawing = [name for name in ("customer_id", NEAR) if name in view.rows.collect_schema()]
    rows = view.rows.select(drawing).collect()
    places = (held & rows.get_column(NEAR)).arg_true() if NEAR in drawing else held.arg_true()
    if len(places) < SAMPLE:
        places = held.arg_true()
    spread = rows[places].select("customer_id", drawn().alias("spread"), place=pl.lit(places))
    few = spread.bottom_k(SAMPLE, by=["spread", "customer_id"]).sort("spread", "customer_id").get_column("place")
    return view.rows.select(*SHOWN).collect()[few].to_dicts()


def people_of(view: View, *, exclude_test_accounts: bool) -> int:
    """How many customers count; blocks."""
    masks, _ = _asked(view, (), exclude_test_accounts=exclude_test_accounts)
    return _sum(masks, "counts")


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


def _in_order(groups: pl.DataFrame, by: str) -> tuple[GroupCount, ...]:
    order = {name: place for place, name in enumerate(BREAKDOWNS[by].ordered)}
    largest = groups.sort("size", "group", descending=[True, False])
    counts = (GroupCount(*row) for row in largest.select("group", "size").iter_rows())
    return tuple(sorted(counts, key=lambda each: (each.name is None, order.get(each.name or "", 0))))
