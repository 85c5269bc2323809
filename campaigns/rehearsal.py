"""A rehearsal: how often a campaign that begins person by person would have begun, had it run in the last weeks. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate

import polars as pl

from campaigns.campaign import Draft
from campaigns.journey import place_of
from campaigns.steps import Exit, GoTo, SplitRule, SplitShare, Step, WaitEvent
from campaigns.trigger import OnEvent, OnSegment
from segments.windows import Window

DAYS, WEEK = 28, 7
"""Full business days that are looked back over, and the last of them that are told apart."""

CAUSES: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "at": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "late": pl.Boolean(),
}
"""What happened that could begin it: to whom, when, on which business day, and whether it was reported too late to begin anything."""


@dataclass(frozen=True, slots=True)
class Begun:
    """How often it would have begun, and for how many people."""

    times: int
    people: int


@dataclass(frozen=True, slots=True)
class RehearsedDay:
    """How often it would have begun on one business day; ``times`` is None where nobody can say any more."""

    day: date
    times: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a campaign that begins person by person would have begun in the last 28 full business days, launched before them.

    By its own filters and rule of re-entry. Counted is when something happened, whenever it was reported.

    Attributes:
        days: day by day, the first one first.
        week: the last 7 of them.
        month: all of them, as far as they are known.
        known_from: the first day of which everything is known; None where it is all. Before it events were dropped, or nobody was keeping
            who was in the segment by the rule it has now.
        late: of ``month``'s times those that were reported more than an hour after they happened (an import, a nightly file). Reports
            that come so late begin nothing when the campaign runs.
        stay_unknown: it is a journey, and nobody can say how long people would have been under way: who would still have been inside
            when it happened again is counted again, where re-entry lets her.
    """

    days: tuple[RehearsedDay, ...]
    week: Begun
    month: Begun
    known_from: date | None
    late: int
    stay_unknown: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a fork and how many people would take it: ``yes`` or ``no``, or the number of a part from 0."""

    way: str
    people: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a journey divides first, as its rule answers now, not at the moment when people would come there.

    Attributes:
        step: its place in the list.
        asked: how many people the rule was asked of, drawn from all; the ways then are estimates for all. None where it was asked of all.
    """

    step: int
    ways: tuple[Way, ...]
    asked: int | None = None

    def scaled(self, people: int) -> "Fork":
        """What was asked of some people, drawn from so many, as an estimate for these: the ways' shares, rounded so that they add up."""
        asked = sum(way.people for way in self.ways)
        if not asked:
            return self
        ends = [round(end * people / asked) for end in accumulate(way.people for way in self.ways)]
        ways = tuple(Way(way.way, end - begin) for way, begin, end in zip(self.ways, [0, *ends], ends, strict=False))
        return replace(self, ways=ways, asked=asked)


def window_before(today: date) -> Window:
    """The full business days that are looked back over."""
    return Window(today - timedelta(days=DAYS), today - timedelta(days=1))


def gap_of(draft: Draft) -> timedelta | None:
    """How long after somebody entered she can enter again; None for never. Who waits out a delay is inside until it is over."""
    if draft.reentry.mode == "never":
        return None
    days = timedelta(days=draft.reentry.days or 0) if draft.reentry.mode == "after" else timedelta(0)
    return max(days, draft.trigger.delay) if isinstance(draft.trigger, OnEvent | OnSegment) else days


def let_in(causes: pl.DataFrame, *, gap: timedelta | None) -> pl.DataFrame:
    """Those of the causes (`CAUSES`) by which somebody would have entered; ``gap`` as of `gap_of`."""
    ordered = causes.sort("customer_id", "at", maintain_order=True)
    if gap is None:
        return ordered.unique("customer_id", keep="first", maintain_order=True)
    return ordered.filter(pl.Series(list(_apart(ordered, gap)), dtype=pl.Boolean())) if gap else ordered


def _apart(ordered: pl.DataFrame, gap: timedelta) -> Iterator[bool]:
    """Each person's first, and whatever comes at least so long after the last one that counted."""
    least, who, last = gap // timedelta(microseconds=1), None, 0
    for customer_id, at in ordered.select("customer_id", pl.col("at").to_physical()).iter_rows():
        enters = customer_id != who or at - last >= least
        if enters:
            who, last = customer_id, at
        yield enters


def rehearsed(
    causes: pl.DataFrame, *, draft: Draft, window: Window, known_from: date | None
) -> tuple[Rehearsal, pl.Series]:
    """What would have begun, and for whom: the numbers of everybody, each once, ascending.

    Args:
        causes: those that pass the campaign's filters, as `CAUSES`.
        draft: the campaign, of a kind that begins person by person.
        window: the days looked back over.
        known_from: the first day of which everything is known; None where it is all.
    """
    first = max(window.first, known_from or window.first)
    begun = let_in(causes.filter(pl.col("day").is_between(first, window.last)), gap=gap_of(draft))
    times = dict(begun.group_by("day").len().iter_rows())
    week = begun.filter(pl.col("day") > window.last - timedelta(days=WEEK))
    every = [window.first + timedelta(days=number) for number in range(window.days)]
    told = Rehearsal(
        days=tuple(RehearsedDay(day, times.get(day, 0) if day >= first else None) for day in every),
        week=_counted(week),
        month=_counted(begun),
        known_from=known_from if known_from is not None and known_from > window.first else None,
        late=int(begun["late"].sum()),
        stay_unknown=bool(draft.steps),
    )
    return told, begun["customer_id"].unique().sort()


def _counted(begun: pl.DataFrame) -> Begun:
    return Begun(times=begun.height, people=begun["customer_id"].n_unique())


def first_fork(steps: Sequence[Step]) -> int | None:
    """The place of the split that everybody comes to first; None where there is none, or what happens decides who comes to it."""
    place, seen = 0, set[int]()
    while place < len(steps) and place not in seen:
        seen.add(place)
        step = steps[place]
        if isinstance(step, SplitRule | SplitShare):
            return place
        if isinstance(step, WaitEvent | Exit):
            return None
        place = place_of(steps, step.to, place + 1) if isinstance(step, GoTo) else place + 1
    return None
