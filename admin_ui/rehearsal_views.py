"""What history says of a campaign that is still to go, in the words and drawings of its check. Pure: values in, values out."""

from collections.abc import Sequence
from dataclasses import dataclass

from admin_ui import charts, filters
from admin_ui.i18n import Say, mark
from campaigns.rehearsal import DAYS, WEEK, Begun, Fork, Rehearsal
from campaigns.steps import SplitShare, Step

_WAYS = {"yes": mark("Goes on (the condition holds)"), "no": mark("The other way")}


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How often it would have begun: by span, day by day as a chart (none where no day is known), and what is not known of it."""

    spans: Sequence[tuple[str, Begun]]
    chart: str | None
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a journey divides first: the step's number, how many would take which way, and of how many that was asked (None: of all)."""

    number: int
    ways: Sequence[tuple[str, int, float]]
    asked: int | None


def rehearsed(told: Rehearsal, say: Say) -> Rehearsed:
    """How often it would have begun."""
    known = [day for day in told.days if day.times is not None]
    line = charts.series(say("Times"), [day.times for day in told.days], [], colour=1)
    labels = [filters.short_day(day.day, say) for day in told.days]
    return Rehearsed(
        spans=[(say("Last %(n)s full days", n=n), begun) for n, begun in ((WEEK, told.week), (DAYS, told.month))],
        chart=charts.chart("bar", labels, [line]) if known else None,
        notes=_notes(told, say),
    )


def _notes(told: Rehearsal, say: Say) -> list[str]:
    notes = []
    if told.known_from is not None:
        day = filters.day(told.known_from, say)
        notes.append(
            say(
                "What was before %(day)s cannot be counted: events of those days were dropped, or who was in the segment by its present rule was not kept yet.",
                day=day,
            )
        )
    if told.late:
        late = filters.count(told.late, say)
        notes.append(
            say(
                "%(n)s of them were reported more than an hour after they happened (an import, a nightly file). What comes so late begins nothing once it runs.",
                n=late,
            )
        )
    if told.stay_unknown:
        notes.append(
            say(
                "How long members would have been under way cannot be known: who would still have been inside when it happened again is counted again."
            )
        )
    return notes


def parting(fork: Fork, steps: Sequence[Step], say: Say) -> Parting:
    """How people would part where a journey divides first."""
    whole, step = sum(way.people for way in fork.ways), steps[fork.step]
    named = [_way(way.way, step, say) for way in fork.ways]
    shares = [way.people / whole if whole else 0.0 for way in fork.ways]
    people = [way.people for way in fork.ways]
    return Parting(fork.step + 1, list(zip(named, people, shares, strict=True)), fork.asked)


def _way(way: str, step: Step, say: Say) -> str:
    if isinstance(step, SplitShare):
        number = int(way)
        return say("Way %(n)s (%(share)s%%)", n=number + 1, share=f"{step.parts[number].percent:g}")
    return say(_WAYS[way])
