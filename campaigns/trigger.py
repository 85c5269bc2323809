"""What makes a campaign begin, as values: a moment, a rule of repetition, an event, a segment, a date of the person.

`campaigns.schedule` says when the timed ones are due; journeys and triggers say what an event or a change of membership
begins. Everything here is checked by `check_trigger`, which names the field at fault.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from campaigns.errors import DraftIncomplete
from segments.errors import RuleError
from segments.rules.behaviour import LEDGER_EVENTS, Match
from segments.rules.parse import parse, place_of
from segments.rules.rule import Did

LONGEST_DELAY = timedelta(days=90)
FARTHEST_DAYS = 3650
LONGEST_REENTRY = 3650
FIRST_YEAR, LAST_YEAR = 2000, 2200
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
TRAIT = "trait:"
"""Before the name of a trait that holds a date, as rules write it."""


class Kind(StrEnum):
    """What kind of campaign it is."""

    ONCE = "once"
    RECURRING = "recurring"
    EVENT = "event"
    SEGMENT = "segment"
    DATE = "date"
    JOURNEY = "journey"
    """Steps; its trigger says what begins it."""


class _Trigger(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, tag_field="kind"
):
    """What all triggers have in common: how JSON tells them apart."""


class Once(_Trigger, frozen=True, tag="once"):
    """One launch, at the moment the campaign is scheduled for (`Draft.scheduled_at`)."""

    kind: ClassVar[Kind] = Kind.ONCE


class Recurring(_Trigger, frozen=True, tag="recurring"):
    """Launched again and again.

    Attributes:
        rrule: RFC 5545 without its time and end: ``FREQ=WEEKLY;BYDAY=FR``; see `campaigns.recurrence`.
        starts_at: the first moment it may be launched. Its time of day on the shop's clock is that of every occurrence, and
            stays so when clocks change.
        until: no occurrence after this; None for no end.
    """

    kind: ClassVar[Kind] = Kind.RECURRING
    rrule: str
    starts_at: datetime
    until: datetime | None = None


class OnEvent(_Trigger, frozen=True, tag="event"):
    """Begun for a person by an event of hers.

    Attributes:
        event: its name; any event that the shop sends.
        where: all of these have to match; written as the ``where`` of a segment rule's event, see `filters`.
        delay: how long after the event.
        until: events after this begin nothing; None for no end.
    """

    kind: ClassVar[Kind] = Kind.EVENT
    event: str
    where: Mapping[str, Any] = {}
    delay: timedelta = timedelta(0)
    until: datetime | None = None

    @property
    def filters(self) -> tuple[Match, ...]:
        """What has to match.

        Raises:
            RuleError: where `where` is no filter; a checked trigger has none such.
        """
        return filters_of(self.event, self.where)


Change: TypeAlias = Literal["entered", "left"]


class OnSegment(_Trigger, frozen=True, tag="segment"):
    """Begun for a person by entering or leaving a segment.

    Attributes:
        segment_id: whose membership is watched.
        change: entered or left.
        delay: how long after the change.
        until: changes after this begin nothing; None for no end.
    """

    kind: ClassVar[Kind] = Kind.SEGMENT
    segment_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    change: Change = "entered"
    delay: timedelta = timedelta(0)
    until: datetime | None = None


class OnDate(_Trigger, frozen=True, tag="date"):
    """Launched every day for those whose date it is.

    Attributes:
        date: ``birthday`` (every year; 29 February counts as the 28th in common years), ``joined``, ``coupon_expiry``
            (of the unused coupon that expires next), or ``trait:<name>`` of a trait that holds dates.
        days: days after the date; negative for before it.
        at: local time of the launch in hours and minutes, on the shop's clock.
        until: no launch after this; None for no end.
    """

    kind: ClassVar[Kind] = Kind.DATE
    date: str
    days: int = 0
    at: str = "10:00"
    until: datetime | None = None

    @property
    def local_time(self) -> time:
        """`at` as a time of day."""
        return time.fromisoformat(self.at)


Trigger: TypeAlias = Once | Recurring | OnEvent | OnSegment | OnDate
DATES = ("birthday", "joined", "coupon_expiry")
"""Dates that every shop has, beside its traits."""
SET_BASED = frozenset({Kind.ONCE, Kind.RECURRING, Kind.DATE})
"""Kinds that are launched for many people at a moment; the others begin person by person."""
REPEATING = frozenset({Kind.RECURRING, Kind.DATE})
"""Those of them that are launched more than once."""


class Reentry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether a person whom a campaign has reached can be reached by it again.

    It is asked of campaigns that begin person by person, of dates, and of journeys; a recurring campaign is for everybody
    who is in its segment each time.

    Attributes:
        mode: ``always``, ``never``, or ``after`` so many days since she last entered.
        days: for ``after``.
    """

    mode: Literal["always", "never", "after"] = "always"
    days: int | None = None

    def allows(self, last: datetime | None, now: datetime) -> bool:
        """Whether a person who last entered at ``last`` (None: never) may enter at ``now``."""
        if last is None or self.mode == "always":
            return True
        return self.mode == "after" and now - last >= timedelta(days=self.days or 0)


def filters_of(event: str, where: Mapping[str, Any]) -> tuple[Match, ...]:
    """The filters that the ``where`` of an event states.

    Raises:
        RuleError: where it states none.
    """
    if not where:
        return ()
    rule = parse({"event": event, "where": dict(where), "op": "at_least", "times": 1})
    return rule.behaviour.where if isinstance(rule, Did) else ()


def until_of(trigger: Trigger) -> datetime | None:
    """When a campaign of this trigger ends by itself; None for never, and for a single launch."""
    return None if isinstance(trigger, Once) else trigger.until


def check_trigger(trigger: Trigger) -> None:
    """Refuse a trigger that cannot stand; rules of repetition are checked by `campaigns.recurrence`.

    Raises:
        DraftIncomplete: naming the field.
    """
    _check_aware(until_of(trigger), "trigger.until")
    match trigger:
        case Recurring(starts_at=starts_at):
            _check_aware(starts_at, "trigger.starts_at")
        case OnEvent(event=event, delay=delay):
            if not event.strip():
                raise DraftIncomplete("choose the event that begins it", field="trigger.event")
            if event in LEDGER_EVENTS:
                raise DraftIncomplete(f"{event} is not an event that a campaign can begin with", field="trigger.event")
            _check_filters(trigger)
            _check_delay(delay)
        case OnSegment(delay=delay, change=change):
            if change not in ("entered", "left"):
                raise DraftIncomplete("a segment is entered or left", field="trigger.change")
            _check_delay(delay)
        case OnDate():
            _check_date(trigger)
        case _:
            pass


def check_reentry(reentry: Reentry) -> None:
    """Refuse a rule of re-entry that cannot stand.

    Raises:
        DraftIncomplete: naming the field.
    """
    if reentry.mode not in ("always", "never", "after"):
        raise DraftIncomplete("re-entry is always, never, or after some days", field="reentry.mode")
    if reentry.mode == "after" and not 1 <= (reentry.days or 0) <= LONGEST_REENTRY:
        raise DraftIncomplete(f"re-entry is after 1 to {LONGEST_REENTRY} days", field="reentry.days")


def _check_date(trigger: OnDate) -> None:
    is_trait = trigger.date.startswith(TRAIT) and trigger.date.removeprefix(TRAIT).strip()
    if trigger.date not in DATES and not is_trait:
        raise DraftIncomplete(f"choose one of {', '.join(DATES)}, or {TRAIT}<name>", field="trigger.date")
    if abs(trigger.days) > FARTHEST_DAYS:
        raise DraftIncomplete(f"at most {FARTHEST_DAYS} days before or after", field="trigger.days")
    if trigger.date == "joined" and trigger.days < 0:
        raise DraftIncomplete("nobody can be reached before joining", field="trigger.days")
    check_clock(trigger.at, field="trigger.at")


def check_clock(at: str, *, field: str) -> None:
    """Refuse what is no time of day.

    Raises:
        DraftIncomplete: naming the field.
    """
    if not _CLOCK.fullmatch(at):
        raise DraftIncomplete("write a local time in hours and minutes, like 10:00", field=field)


def _check_filters(trigger: OnEvent) -> None:
    try:
        _ = trigger.filters
    except RuleError as error:
        raise DraftIncomplete(error.message, field=f"trigger.{place_of(error)}") from error


def _check_delay(delay: timedelta) -> None:
    if not timedelta(0) <= delay <= LONGEST_DELAY:
        raise DraftIncomplete("the delay is between nothing and 90 days", field="trigger.delay")


def _check_aware(moment: datetime | None, field: str) -> None:
    if moment is None:
        return
    if moment.tzinfo is None:
        raise DraftIncomplete("the time needs a time zone", field=field)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise DraftIncomplete(f"choose a year from {FIRST_YEAR} to {LAST_YEAR}", field=field)
