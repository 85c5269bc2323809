"""What came of a campaign, counted in customers: arm by arm, variant by variant, and by any label of the people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from campaigns.arms import Comparison, compare
from campaigns.effect import Arm
from campaigns.experiment import ArmName
from campaigns.report import People
from campaigns.winner import Measure, Tried

NO_VARIANT = str(ArmName.TREATED)
"""How the one arm that got the push is called where there are no variants."""
REST = "rest"
"""How those are called who were sent what came out best of a test."""
TESTED_CONTROL = "control of the test"
"""How the part of the control group is called that was drawn in the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What the customers of one arm did.

    Attributes:
        name: a variant's name, ``treated`` where there are none, or ``control``.
        arm: customers, conversions and money within the window, for the effect.
        accepted: for whom the push service took a message.
        received: whose device said that it showed one.
        direct: who tapped one.
        influenced: who did not tap, but launched the app within a day of one.
        buyers: who placed an order in the window.
        orders: orders of the window.
        presented: who presented the campaign's coupon in the window.
        redeemed: whose use of it a till confirmed.
        by_till: whether a till confirmed any use of it, in whichever arm: who merely presented it has not used it then.
    """

    name: str
    arm: Arm
    accepted: int = 0
    received: int = 0
    direct: int = 0
    influenced: int = 0
    buyers: int = 0
    orders: int = 0
    presented: int = 0
    redeemed: int = 0
    by_till: bool = False

    @property
    def sales_per_person(self) -> float | None:
        """Net sales of the window by customer of the arm, minor units; None of nobody."""
        return self.arm.amount / self.arm.customers if self.arm.customers else None

    @property
    def coupon_users(self) -> int:
        """Who used the coupon: redeemed where a till reports it, else presented."""
        return self.redeemed if self.by_till else self.presented

    @property
    def coupon_rate(self) -> float | None:
        """Users of the coupon by customer of the arm; None of nobody."""
        return self.coupon_users / self.arm.customers if self.arm.customers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Every arm, and what may be said of their differences.

    Attributes:
        treated: everyone drawn for a push, all variants together.
        variants: by variant, in the order of the campaign; one, of everyone, where there are none.
        control: everyone drawn to get none.
        comparisons: each variant against the control, or against the first one where nobody was held out.
        left_out_merged: customers who stand in both arms after a merge, counted in neither.
        rest: of the treated, who was in no test of the variants and was sent what came out best; None where nobody was. They are in
            none of ``variants``: these hold only who was drawn for one in the test.
        tested_control: of the control, who was drawn in the test, at the same moment as the variants: these are compared with them.
    """

    treated: ArmResult
    variants: tuple[ArmResult, ...]
    control: ArmResult
    comparisons: tuple[Comparison, ...] = ()
    left_out_merged: int = 0
    rest: ArmResult | None = None
    tested_control: ArmResult | None = None

    @property
    def baseline(self) -> ArmResult:
        """Whom the variants are compared with."""
        return self.tested_control or self.control


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The people of one label: a store, a language, a platform, inside or outside a segment.

    Attributes:
        label: None for those of whom it is not known.
        people: where they stand; adds up.
        devices: their deliveries by state; adds up.
        results: what they did. Intervals are adjusted for the number of slices, and nobody is told to have won.
    """

    label: str | None
    people: People
    devices: Mapping[str, int] = field(default_factory=dict)
    results: Results


def tally(outcomes: pl.LazyFrame, *, variants: Iterable[str] = ()) -> Results:
    """Count `campaigns.outcomes.OUTCOMES`.

    Args:
        outcomes: of everybody who is to be counted.
        variants: names of the variants in the order they are told in.
    """
    (results,) = tally_by(outcomes.with_columns(pl.lit(None, pl.String).alias("label")), variants=variants).values()
    return results


def tally_by(outcomes: pl.LazyFrame, *, variants: Iterable[str] = ()) -> dict[str | None, Results]:
    """The same by ``label``; the parts of every figure add up to the whole, but for customers who were merged meanwhile."""
    counted = outcomes.group_by("label", "arm", "variant", "rest").agg(*_sums()).collect()
    till = bool(counted["redeemed"].sum())
    rows: dict[str | None, list[dict[str, Any]]] = {}
    for row in counted.iter_rows(named=True):
        rows.setdefault(row["label"], []).append(row)
    names = tuple(variants)
    return {label: _results(rows[label], names, till=till) for label in sorted(rows, key=_unknown_last)} or {
        None: _results([], names, till=till)
    }


def _unknown_last(label: str | None) -> tuple[bool, str]:
    return label is None, label or ""


def judged(
    results: Results, *, ends_at: datetime | None, as_of: datetime, growing: bool = False, among: int = 1
) -> Results:
    """With what may be said of the differences; ``among`` so many slices, for which the intervals are adjusted too."""
    comparisons = compare(
        {one.name: one.arm for one in results.variants},
        results.baseline.arm,
        ends_at=ends_at,
        as_of=as_of,
        growing=growing,
        among=among,
    )
    return replace(results, comparisons=comparisons)


def _sums() -> tuple[pl.Expr, ...]:
    spent = pl.col("spent").cast(pl.Int128)
    return (
        pl.len().alias("customers"),
        pl.col("converted").sum().alias("conversions"),
        spent.sum().alias("amount"),
        (spent**2).sum().alias("amount_squares"),
        (spent**3).sum().alias("amount_cubes"),
        pl.col("accepted").sum(),
        pl.col("received").sum(),
        pl.col("tapped").sum().alias("direct"),
        (_reached() & pl.col("launched") & ~pl.col("tapped")).sum().alias("influenced"),
        (pl.col("orders") > 0).sum().alias("buyers"),
        pl.col("orders").sum(),
        pl.col("presented").sum(),
        pl.col("redeemed").sum(),
    )


_OF_ARM = ("customers", "conversions", "amount", "amount_squares", "amount_cubes")
_COUNTS = ("accepted", "received", "direct", "influenced", "buyers", "orders", "presented", "redeemed")


def _results(rows: list[dict[str, Any]], variants: tuple[str, ...], *, till: bool) -> Results:
    treated, held_out = ([row for row in rows if row["arm"] == name] for name in (ArmName.TREATED, ArmName.CONTROL))
    drawn = [row for row in treated if not row["rest"]]
    parts = [_arm(name, [row for row in drawn if row["variant"] == name], till=till) for name in variants]
    whole, control = _arm(NO_VARIANT, treated, till=till), str(ArmName.CONTROL)
    two_phases = any(row["rest"] for row in rows)
    return Results(
        treated=whole,
        variants=tuple(parts) or (whole,),
        control=_arm(control, held_out, till=till),
        left_out_merged=sum(row["customers"] for row in rows if row["arm"] is None),
        rest=_arm(REST, [row for row in treated if row["rest"]], till=till) if two_phases else None,
        tested_control=_arm(TESTED_CONTROL, [row for row in held_out if not row["rest"]], till=till)
        if two_phases
        else None,
    )


def tried(outcomes: pl.LazyFrame, *, measure: Measure, variants: Iterable[str]) -> tuple[Tried, ...]:
    """What came of each variant in the test, by people for whom the push service took it; who was merged into several counts in none."""
    did = {
        Measure.DIRECT: pl.col("tapped"),
        Measure.OPENS: pl.col("tapped") | pl.col("launched"),
        Measure.CONVERSIONS: pl.col("converted"),
    }
    counted = (
        outcomes.filter((pl.col("arm") == ArmName.TREATED) & ~pl.col("rest") & _reached())
        .group_by("variant")
        .agg(pl.len(), did[measure].sum().alias("successes"))
        .collect()
    )
    found = {name: (people, successes) for name, people, successes in counted.iter_rows()}
    return tuple(Tried(name, *found.get(name, (0, 0))) for name in variants)


def _reached() -> pl.Expr:
    return pl.col("accepted") | pl.col("tapped") | pl.col("received")


def _arm(name: str, rows: list[dict[str, Any]], *, till: bool) -> ArmResult:
    counts = {each: sum(row[each] for row in rows) for each in (*_OF_ARM, *_COUNTS)}
    return ArmResult(
        name=name,
        by_till=till,
        arm=Arm(**{each: int(counts[each]) for each in _OF_ARM}),
        **{each: counts[each] for each in _COUNTS},
    )
