"""Whether all campaigns together do anything: who is held out of all of them, beside everyone else, over a closed period.

The group is drawn by a stable hash for all customers, so that both groups differ in nothing but what they were sent. Everyone counts as
drawn, reached or not (intention to treat), and who counts at all is settled by what was known before the period: no push of it can
bring anybody in or take anybody out. A month or quarter has one verdict, when it is closed, and no interval before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import erfc, sqrt

import polars as pl

from campaigns.effect import ASSUMED_RATE, Arm, Verdict, judge, welch
from campaigns.experiment import BUCKETS, bucketed, held_out_below, smallest_effect
from campaigns.intervals import Interval, newcombe
from campaigns.outcomes import under_survivors
from segments.events import EventName

SURPRISE = 0.001
"""A composition that chance brings about less often is taken for a fault, not for chance."""
OFFERED = (1, 2, 5, 10)
"""Shares, in percent, whose smallest effect is told where nobody is held out yet."""


class Standing(StrEnum):
    """What may be said of a period."""

    OFF = "off"
    """Nobody is held out of all campaigns."""
    CHANGED = "changed"
    """The group was not the same from the first to the last day."""
    RUNNING = "running"
    """It is not closed, or facts up to its end are not there."""
    DROPPED = "dropped"
    """Events of its days were dropped."""
    TOLD = "told"


class Measure(StrEnum):
    """What is compared; of the first one a verdict is spoken."""

    BUYERS = "buyers"
    SALES = "sales"
    ORDERS = "orders"
    LAUNCHES = "launches"
    OPT_OUTS = "opt_outs"


RATES = frozenset({Measure.BUYERS, Measure.LAUNCHES, Measure.OPT_OUTS})
"""Measures that are shares of people; the others are means by person."""

PEOPLE: dict[str, pl.DataType] = {"customer_id": pl.Int64(), "held_out": pl.Boolean()}
"""Who counts. ``held_out`` is null for who was merged out of both groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """Whether the groups are as large as the draw makes them (a sample ratio mismatch test).

    Attributes:
        expected: the share of the draw.
        surprise: how often chance alone brings a share at least so far off.
    """

    treated: int
    held_out: int
    expected: float
    surprise: float

    @property
    def sound(self) -> bool:
        """Whether the groups may be compared."""
        return self.surprise >= SURPRISE


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measure in both groups: a share, or a mean by person, minor units for sales.

    Attributes:
        difference: everyone else less those who were held out.
        interval: of it: 95 % for the measure that has the verdict, wider for the others, which hold together in 95 %; None where a
            group is too small for any.
    """

    measure: Measure
    treated: float
    held_out: float
    difference: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What holding out a share would show within a period: the smallest rise of the purchase rate, a share; None for nothing."""

    percent: float
    smallest_effect: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """The report of one period.

    Attributes:
        percent: the share that is held out.
        since: since when it is held out by this share and this draw; None where nobody is.
        as_of: up to when what people did is known.
        composition: of those who count; None where nobody is held out.
        verdict: of the purchase rate; None before the end, and where the composition is not sound.
        comparisons: empty likewise.
        left_out_merged: customers who stand in both groups after a merge, counted in neither.
        offers: where nobody is held out.
    """

    first: date
    last: date
    standing: Standing
    percent: float
    since: datetime | None
    as_of: datetime
    composition: Composition | None = None
    verdict: Verdict | None = None
    comparisons: tuple[Comparison, ...] = ()
    left_out_merged: int = 0
    offers: tuple[Offer, ...] = ()


def drawn(customer_ids: pl.LazyFrame, *, survivors: pl.LazyFrame, percent: float, salt: str) -> pl.LazyFrame:
    """`PEOPLE` of everyone who counts, each under the customer who is left after all merges."""
    groups = customer_ids.with_columns((bucketed(salt) < held_out_below(percent)).alias("held_out"))
    one = pl.when(pl.col("held_out").n_unique() == 1).then(pl.col("held_out").first())
    return under_survivors(groups, survivors).group_by("customer_id").agg(one.alias("held_out"))


def composition(people: pl.DataFrame, *, percent: float) -> Composition:
    """The sizes of both groups, and how surprising they are: the normal approximation of the binomial, continuity corrected."""
    held_out, everyone = int(people["held_out"].sum()), int(people["held_out"].count())
    share = held_out_below(percent) / BUCKETS
    spread = sqrt(everyone * share * (1 - share))
    off = max(0.0, abs(held_out - everyone * share) - 0.5)
    return Composition(
        treated=everyone - held_out,
        held_out=held_out,
        expected=share,
        surprise=erfc(off / spread / sqrt(2)) if spread else 1.0,
    )


def did(
    people: pl.LazyFrame,
    events: pl.LazyFrame,
    *,
    opted_out: pl.LazyFrame,
    survivors: pl.LazyFrame,
    proven: Iterable[str],
) -> pl.LazyFrame:
    """One row a person of `PEOPLE` with what was done in the period: a column for each `Measure`.

    Args:
        people: who counts.
        events: of the period alone.
        opted_out: ``customer_id`` of those who took back the yes in it.
        survivors: ``customer_id, survivor`` of merges.
        proven: weighty events of which only trusted ones count.
    """
    name, amount = pl.col("event"), pl.col("amount").fill_null(0)
    bought, returned = name == str(EventName.ORDER_COMPLETED), name == str(EventName.ORDER_REFUNDED)
    believed = pl.col("trusted") | ~name.is_in(sorted(proven))
    done = (
        under_survivors(events.filter(believed), survivors)
        .group_by("customer_id")
        .agg(
            bought.any().alias(Measure.BUYERS),
            pl.when(bought).then(amount).when(returned).then(-amount).otherwise(0).sum().alias(Measure.SALES),
            pl.col("order_key").filter(bought).n_unique().cast(pl.Int64).alias(Measure.ORDERS),
            (name == str(EventName.APPLICATION_OPENED)).any().alias(Measure.LAUNCHES),
        )
    )
    gone = under_survivors(opted_out, survivors).unique().with_columns(pl.lit(1).alias(Measure.OPT_OUTS))
    told = people.join(done, on="customer_id", how="left").join(gone, on="customer_id", how="left")
    return told.select(*PEOPLE, *(pl.col(measure).cast(pl.Int64).fill_null(0) for measure in Measure))


def compared(done: pl.DataFrame, *, as_of: datetime) -> tuple[Verdict, tuple[Comparison, ...]]:
    """The one verdict, and both groups by every measure, out of `did`, at the end of the period."""
    treated, held_out = (done.filter(pl.col("held_out") == group) for group in (False, True))
    pairs = {measure: (_arm(treated, measure), _arm(held_out, measure)) for measure in Measure}
    verdict = judge(*pairs[Measure.BUYERS], ends_at=as_of, as_of=as_of).verdict
    if not treated.height or not held_out.height:
        return verdict, ()
    others = 1 - 0.05 / (len(Measure) - 1)
    return verdict, tuple(
        _comparison(measure, *pair, level=0.95 if measure is Measure.BUYERS else others)
        for measure, pair in pairs.items()
    )


def offers(people: int, *, rate: float | None) -> tuple[Offer, ...]:
    """What each share to hold out would show, of so many people of whom ``rate`` buy in a period; None: assumed."""
    return tuple(
        Offer(
            percent=share,
            smallest_effect=smallest_effect(
                rate or ASSUMED_RATE, treated=people - people * share // 100, control=people * share // 100
            ),
        )
        for share in OFFERED
    )


def _arm(people: pl.DataFrame, measure: Measure) -> Arm:
    """A group by one measure: of a share who did it, of a mean its sums."""
    values = people[measure].cast(pl.Int128)
    return Arm(
        customers=people.height,
        conversions=int((values > 0).sum()),
        amount=int(values.sum()),
        amount_squares=int((values**2).sum()),
        amount_cubes=int((values**3).sum()),
    )


def _comparison(measure: Measure, treated: Arm, held_out: Arm, *, level: float) -> Comparison:
    if measure in RATES:
        interval: Interval | None = newcombe(
            treated.conversions, treated.customers, held_out.conversions, held_out.customers, level=level
        )
    else:
        interval = welch(treated, held_out, level=level)
    ours, theirs = (
        (arm.conversions if measure in RATES else arm.amount) / arm.customers for arm in (treated, held_out)
    )
    return Comparison(measure=measure, treated=ours, held_out=theirs, difference=ours - theirs, interval=interval)
