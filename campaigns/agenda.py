"""The calendar of campaigns: what went out on which day of the shop, and what is planned to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from campaigns.campaign import Draft, Kind, State
from campaigns.schedule import next_due
from campaigns.states import ENDED
from campaigns.trigger import SET_BASED, until_of
from segments.calendar import BusinessCalendar

MOST_PLANNED = 400
"""Launches of one campaign that are looked ahead."""
_MAY_LAUNCH = frozenset({State.SCHEDULED, State.SENDING, State.AWAITING_APPROVAL})


class Mark(StrEnum):
    """What stands on a day."""

    SENT = "sent"
    """Went out, or began to."""
    PLANNED = "planned"
    """Will be launched if nothing is changed."""
    WAITING = "waiting"
    """Would be, but for an approval that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaItem:
    """One campaign on one day.

    Attributes:
        at: the planned moment of a launch; the first entry of the day of what begins person by person.
        targeted: people it was for, left out ones among them; None of what is still to come.
        control: of those, kept without it.
    """

    campaign_id: int
    name: str
    kind: Kind
    state: State
    mark: Mark
    day: date
    at: datetime
    targeted: int | None = None
    control: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A campaign that begins person by person and listens at present: it has no day of its own."""

    campaign_id: int
    name: str
    kind: Kind
    state: State
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """Some days of the calendar, both ends included; ``standing`` listen all the time."""

    first: date
    last: date
    items: tuple[AgendaItem, ...]
    standing: tuple[Standing, ...]

    def of(self, day: date) -> tuple[AgendaItem, ...]:
        """What stands on one day, by its moment."""
        return tuple(item for item in self.items if item.day == day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A campaign as far as the calendar looks at it."""

    campaign_id: int
    name: str
    state: State
    draft: Draft


def planned(
    campaigns: Iterable[Known], *, now: datetime, last: date, calendar: BusinessCalendar
) -> Iterator[AgendaItem]:
    """Launches that are still to come, up to a day of the shop.

    Args:
        campaigns: all of them.
        now: an aware moment.
        last: the last business day that is looked at.
        calendar: the shop's.
    """
    for one in campaigns:
        if one.state not in _MAY_LAUNCH:
            continue
        mark = Mark.WAITING if one.state is State.AWAITING_APPROVAL else Mark.PLANNED
        for at in _dues(one.draft, now=now, last=last, calendar=calendar):
            yield AgendaItem(
                campaign_id=one.campaign_id,
                name=one.name,
                kind=one.draft.kind,
                state=one.state,
                mark=mark,
                day=calendar.business_day(at),
                at=at,
            )


def _dues(draft: Draft, *, now: datetime, last: date, calendar: BusinessCalendar) -> Iterator[datetime]:
    after = now
    for _ in range(MOST_PLANNED):
        due = next_due(draft, after=after, zone=calendar.zone)
        if due is None or calendar.business_day(due.at) > last:
            return
        yield due.at
        after = due.at


def listening(campaigns: Iterable[Known]) -> Iterator[Standing]:
    """Campaigns that begin person by person and have not ended."""
    for one in campaigns:
        begun = one.state not in ENDED and one.state is not State.DRAFT
        if begun and one.draft.trigger.kind not in SET_BASED:
            yield Standing(
                campaign_id=one.campaign_id,
                name=one.name,
                kind=one.draft.kind,
                state=one.state,
                until=until_of(one.draft.trigger),
            )
