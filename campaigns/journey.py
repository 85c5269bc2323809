"""A journey: which lists of steps can stand, and how a person walks one. Pure: `now` and what is known are arguments.

`advance` goes as far as it can at a moment: it gives what is to be done on the way and where the person stands then. It
asks for an answer only where the way forks by a rule, so that the answers of many people can be fetched together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import TypeAlias
from zoneinfo import ZoneInfo

from campaigns.recurrence import moment_of
from campaigns.steps import (
    WAITS,
    Exit,
    GiveCoupon,
    GoTo,
    Part,
    Send,
    SplitRule,
    SplitShare,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)
from segments.rules.share import SPOTS, spot_of

LAPS = 1000
"""How often a person may be led back in one journey: a way of weeks is longer than anybody stays."""

FINISHED, GOAL, TOO_LONG = "finished", "goal", "too_long"
"""Why somebody left: came to the end, did what was hoped for, was led back too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a person stands.

    Attributes:
        step: the place in the list.
        lap: how often she was led back to an earlier step.
        waits: she has come to the step and waits there; else it is still to be done.
        since: events after this count for what she waits for: not when somebody got round to her, but when she was due.
        due_at: when to look again.
    """

    step: int = 0
    lap: int = 0
    waits: bool = False
    since: datetime | None = None
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """She has left, at a step and for a reason: one of `FINISHED`, `GOAL`, `TOO_LONG`, or what an exit says."""

    step: int
    lap: int
    reason: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One step that was passed: which way it was left by, where there are several."""

    step: int
    lap: int
    way: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far she came.

    Attributes:
        visits: the steps passed, in order, those that act among them.
        to: where she stands or why she left.
    """

    visits: tuple[Visit, ...]
    to: Stand | Gone


@dataclass(frozen=True, slots=True)
class Ask:
    """The way forks at a step: `Known.rules` has to say whether its rule holds."""

    step: int


Decision: TypeAlias = Moved | Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a person.

    Attributes:
        customer_id: decides splits by share.
        salt: of the campaign: another one divides anew.
        zone: of her clock.
        goal: she did what ends the journey.
        happened: when what she waits for has happened; None: it has not.
        rules: whether the rule of a split holds, by the place of the step.
    """

    customer_id: int
    salt: str
    zone: str = "Asia/Tokyo"
    goal: bool = False
    happened: datetime | None = None
    rules: Mapping[int, bool] = field(default_factory=lambda: MappingProxyType({}))


def advance(steps: Sequence[Step], stand: Stand, known: Known, *, now: datetime) -> Decision:
    """Walk from where somebody stands as far as ``now`` allows.

    Args:
        steps: a list that `campaigns.journey_checks.check_steps` let pass.
        stand: where she stands.
        known: what is known of her.
        now: an aware moment.
    """
    if known.goal:
        return Moved((), Gone(step=stand.step, lap=stand.lap, reason=GOAL))
    if not _may_go_on(steps[stand.step] if stand.step < len(steps) else None, stand, known, now):
        return Moved((), stand)
    return _walk(steps, stand, known, now)


def _walk(steps: Sequence[Step], stand: Stand, known: Known, now: datetime) -> Decision:
    reached = min(now, stand.due_at if known.happened is None else known.happened)
    visits: list[Visit] = []
    while True:
        if stand.step >= len(steps) or stand.lap >= LAPS:
            reason = FINISHED if stand.step >= len(steps) else TOO_LONG
            return _moved(visits, Gone(step=stand.step, lap=stand.lap, reason=reason))
        step = steps[stand.step]
        if isinstance(step, SplitRule) and stand.step not in known.rules:
            return Ask(stand.step)
        if isinstance(step, WAITS) and not stand.waits:
            return _moved(visits, replace(stand, waits=True, since=reached, due_at=_until(step, known.zone, now)))
        way, place = _way_out(steps, stand.step, known)
        visits.append(Visit(stand.step, stand.lap, way))
        if place is None:
            reason = step.reason if isinstance(step, Exit) else ""
            return _moved(visits, Gone(step=stand.step, lap=stand.lap, reason=reason or FINISHED))
        stand = Stand(step=place, lap=stand.lap + (place <= stand.step), due_at=now)


def _may_go_on(step: Step | None, stand: Stand, known: Known, now: datetime) -> bool:
    happened = stand.waits and isinstance(step, WaitEvent) and known.happened is not None
    return happened or now >= stand.due_at


def _moved(visits: Iterable[Visit], to: Stand | Gone) -> Moved:
    return Moved(tuple(visits), to)


def _until(step: Wait | WaitUntil | WaitEvent, zone: str, now: datetime) -> datetime:
    match step:
        case Wait(time=length) | WaitEvent(timeout=length):
            return now + length
        case WaitUntil():
            return next_local(step.local_time, zone, now) if not step.days else _later(step, zone, now)


def _later(step: WaitUntil, zone: str, now: datetime) -> datetime:
    clock = ZoneInfo(zone)
    first = next_local(step.local_time, zone, now).astimezone(clock).date()
    return moment_of(first + timedelta(days=step.days), step.local_time, clock)


def next_local(at: time, zone: str, now: datetime) -> datetime:
    """The first moment after ``now`` at which a clock in ``zone`` shows ``at``; past the gap where clocks skip it."""
    clock = ZoneInfo(zone)
    day = now.astimezone(clock).date()
    return next(moment for days in range(3) if (moment := moment_of(day + timedelta(days=days), at, clock)) > now)


def _way_out(steps: Sequence[Step], place: int, known: Known) -> tuple[str, int | None]:
    """How a step is left, and the place where that leads; None for out of the journey."""
    step, to = steps[place], place + 1
    match step:
        case WaitEvent():
            return ("happened", to) if known.happened is not None else ("late", place_of(steps, step.late, to))
        case SplitRule():
            return (
                ("yes", to)
                if known.rules[place]
                else ("no", None if step.otherwise is None else place_of(steps, step.otherwise, to))
            )
        case SplitShare():
            number, part = part_of(step, place, known)
            return str(number), place_of(steps, part.to, to)
        case GoTo():
            return "", place_of(steps, step.to, to)
        case Exit():
            return "", None
        case _:
            return "", to


def part_of(step: SplitShare, place: int, known: Known) -> tuple[int, Part]:
    """Which way a person takes out of a split by share, and its number from 0."""
    spot, upto = spot_of(known.customer_id, f"{known.salt}:{place}"), 0.0
    for number, part in enumerate(step.parts):
        upto += part.percent * SPOTS / 100
        if spot < round(upto):
            return number, part
    return len(step.parts) - 1, step.parts[-1]


def place_of(steps: Sequence[Step], label: str | None, following: int) -> int:
    """Where the step of a label stands; ``following`` for no label.

    Raises:
        LookupError: there is none.
    """
    if label is None:
        return following
    for place, step in enumerate(steps):
        if step.label == label:
            return place
    raise LookupError(label)


def occurrence_of(entry_id: int, lap: int) -> int:
    """Under which occurrence the ledger keeps what a step sends: each lap of an entry is one of its own."""
    return entry_id * LAPS + lap


def sends(steps: Sequence[Step]) -> Iterator[tuple[int, Send]]:
    """The steps that send, with their places."""
    return ((place, step) for place, step in enumerate(steps) if isinstance(step, Send))


def gives_reward(steps: Sequence[Step]) -> bool:
    """Whether anybody gets something of value on the way."""
    return any(isinstance(step, GiveCoupon) for step in steps)
