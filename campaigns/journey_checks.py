"""Which lists of steps can stand: everything that `campaigns.journey.advance` trusts is refused here, with its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import isclose
from typing import Any

from campaigns.content import check_shape, check_variants
from campaigns.errors import DraftIncomplete
from campaigns.journey import place_of
from campaigns.steps import (
    WAITS,
    CallWebhook,
    Exit,
    GiveCoupon,
    GoTo,
    Send,
    SetTrait,
    SplitRule,
    SplitShare,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)
from campaigns.trigger import check_clock, filters_of
from segments.errors import RuleError
from segments.rules.behaviour import LEDGER_EVENTS
from segments.rules.parse import place_of as place_in_rule

MOST_STEPS = 100
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=365)
MOST_PARTS = 10
LONGEST_TEXT = 200
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def check_steps(steps: Sequence[Step]) -> None:
    """Refuse steps that no one could walk.

    Raises:
        DraftIncomplete: naming the place, such as ``steps[2].late``.
    """
    if len(steps) > MOST_STEPS:
        raise DraftIncomplete(f"a journey has at most {MOST_STEPS} steps", field="steps")
    _check_labels(steps)
    for place, step in enumerate(steps):
        where = f"steps[{place}]"
        for field, label in leads(step):
            if label is not None and label not in {other.label for other in steps if other.label}:
                raise DraftIncomplete(f'no step is labelled "{label}"', field=f"{where}.{field}")
        _check_step(step, where)
    _check_circles(steps)


def leads(step: Step) -> Iterator[tuple[str, str | None]]:
    """Where a step may lead beside the next one: the field that says so, and the label."""
    match step:
        case WaitEvent(late=label):
            yield "late", label
        case SplitRule(otherwise=label):
            yield "otherwise", label
        case SplitShare(parts=parts):
            yield from ((f"parts[{number}].to", part.to) for number, part in enumerate(parts))
        case GoTo(to=label):
            yield "to", label
        case _:
            pass


def ways(steps: Sequence[Step], place: int) -> Iterator[tuple[str, int]]:
    """The ways out of a step, as `campaigns.journey.Visit.way` names them, and where each leads."""
    step, following = steps[place], place + 1
    match step:
        case WaitEvent(late=label):
            yield "happened", following
            yield "late", place_of(steps, label, following)
        case SplitRule(otherwise=label):
            yield "yes", following
            yield "no", len(steps) if label is None else place_of(steps, label, following)
        case SplitShare(parts=parts):
            yield from ((str(number), place_of(steps, part.to, following)) for number, part in enumerate(parts))
        case GoTo(to=label):
            yield "", place_of(steps, label, following)
        case Exit():
            yield "", len(steps)
        case _:
            yield "", following


def successors(steps: Sequence[Step], place: int) -> list[int]:
    """The places to which a step can lead; the length of the list for the end of the journey."""
    return list(dict.fromkeys(following for _, following in ways(steps, place)))


def _check_labels(steps: Sequence[Step]) -> None:
    met: set[str] = set()
    for place, step in enumerate(steps):
        if step.label and (not _LABEL.fullmatch(step.label) or step.label in met):
            raise DraftIncomplete(
                "a label has small letters, digits, - and _, and is its step's own", field=f"steps[{place}].label"
            )
        met.add(step.label)


def _check_step(step: Step, where: str) -> None:
    match step:
        case Send():
            _check_send(step, where)
        case Wait() | WaitUntil() | WaitEvent():
            _check_wait(step, where)
        case SplitRule():
            _check_rule(step, f"{where}.rule")
        case SplitShare():
            _check_parts(step, f"{where}.parts")
        case _:
            _check_words(step, where)


def _check_wait(step: Wait | WaitUntil | WaitEvent, where: str) -> None:
    match step:
        case Wait(time=length):
            _check_length(length, f"{where}.time")
        case WaitUntil():
            _check_until(step, where)
        case WaitEvent():
            _check_length(step.timeout, f"{where}.timeout")
            check_awaited(step.awaited.event, step.awaited.where, f"{where}.awaited")


def _check_words(step: Step, where: str) -> None:
    match step:
        case SetTrait(trait=name, value=value):
            _check_text(name, f"{where}.trait")
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                raise DraftIncomplete(f"at most {LONGEST_TEXT} characters", field=f"{where}.value")
        case GiveCoupon(coupon_id=name):
            _check_text(name, f"{where}.coupon_id")
        case CallWebhook(name=name):
            _check_text(name, f"{where}.name")
        case Exit(reason=reason) if len(reason) > LONGEST_TEXT:
            raise DraftIncomplete(f"at most {LONGEST_TEXT} characters", field=f"{where}.reason")
        case _:
            pass


def _check_send(step: Send, where: str) -> None:
    try:
        if step.variants:
            check_variants(step.variants)
        else:
            check_shape(step.content)
    except DraftIncomplete as error:
        raise DraftIncomplete(error.message, field=f"{where}.{error.field}") from error


def _check_length(length: timedelta, field: str) -> None:
    if not SHORTEST_WAIT <= length <= LONGEST_WAIT:
        raise DraftIncomplete("a wait is between one minute and 365 days", field=field)


def _check_until(step: WaitUntil, where: str) -> None:
    check_clock(step.at, field=f"{where}.at")
    if not 0 <= step.days <= LONGEST_WAIT.days:
        raise DraftIncomplete("at most 365 days more", field=f"{where}.days")


def check_awaited(event: str, where: Mapping[str, Any], field: str) -> None:
    """Refuse an event that cannot be waited for.

    Raises:
        DraftIncomplete: naming the place.
    """
    _check_text(event, f"{field}.event")
    if event in LEDGER_EVENTS:
        raise DraftIncomplete(f"{event} is not an event that can be waited for", field=f"{field}.event")
    try:
        filters_of(event, where)
    except RuleError as error:
        raise DraftIncomplete(error.message, field=f"{field}.{place_in_rule(error)}") from error


def _check_rule(step: SplitRule, field: str) -> None:
    try:
        _ = step.parsed
    except RuleError as error:
        place = place_in_rule(error)
        raise DraftIncomplete(error.message, field=f"{field}.{place}" if place else field) from error


def _check_parts(step: SplitShare, field: str) -> None:
    if not 2 <= len(step.parts) <= MOST_PARTS:  # noqa: PLR2004 - fewer than two divide nothing
        raise DraftIncomplete(f"divide into 2 to {MOST_PARTS} parts", field=field)
    for number, part in enumerate(step.parts):
        if not 0 < part.percent < 100:  # noqa: PLR2004 - percent
            raise DraftIncomplete("a part is above 0 and below 100 %", field=f"{field}[{number}].percent")
    if not isclose(sum(part.percent for part in step.parts), 100, abs_tol=0.005):
        raise DraftIncomplete("the parts add up to 100 %", field=field)


def _check_text(text: str, field: str) -> None:
    if not 1 <= len(text.strip()) <= LONGEST_TEXT or "\0" in text:
        raise DraftIncomplete(f"write 1 to {LONGEST_TEXT} characters", field=field)


def _check_circles(steps: Sequence[Step]) -> None:
    """A person who could be led round without any wait would never come to rest."""
    done: set[int] = set()
    for first in range(len(steps)):
        circle = _circle(steps, first, (), done)
        if circle:
            way = " → ".join(str(place + 1) for place in circle)
            raise DraftIncomplete(
                f"the steps {way} lead round in a circle without a wait between them", field=f"steps[{circle[-2]}]"
            )


def _circle(steps: Sequence[Step], place: int, way: tuple[int, ...], done: set[int]) -> tuple[int, ...]:
    """The first circle from a place on, its first step repeated at the end; empty where there is none."""
    if place in way:
        return (*way[way.index(place) :], place)
    if place >= len(steps) or place in done or isinstance(steps[place], WAITS):
        return ()
    for following in successors(steps, place):
        if found := _circle(steps, following, (*way, place), done):
            return found
    done.add(place)
    return ()
