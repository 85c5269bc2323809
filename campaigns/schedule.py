"""When campaigns are due, and when a message may go out: quiet hours in local time, across midnight and clock changes."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from campaigns.campaign import Draft
from campaigns.recurrence import moment_of, next_occurrence
from campaigns.trigger import Once, OnDate, Recurring, Trigger

ONLY = 1
"""The occurrence of a campaign that is launched once."""
RESOLUTION = timedelta(microseconds=1)

_zones = cache(available_timezones)


def known_zone(zone: str) -> bool:
    """Whether a text, which a phone may have sent, names a time zone."""
    return zone in _zones()


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily stretch in which no campaign is sent, ``[start, end)`` in local time.

    ``start`` after ``end`` spans midnight (21:00 to 08:00); equal ones mean that there are none.
    """

    start: time = time(21)
    end: time = time(8)
    zone: str = "Asia/Tokyo"

    def in_zone(self, zone: str | None) -> "QuietHours":
        """The same hours by another clock; by this one where the zone is none, or nobody knows it."""
        return replace(self, zone=zone) if zone is not None and known_zone(zone) else self

    def hold(self, moment: datetime) -> bool:
        """Whether nothing may go out at an aware moment."""
        local = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def next_allowed(self, moment: datetime) -> datetime:
        """The first moment from ``moment`` on, in UTC, at which something may go out."""
        moment = moment.astimezone(UTC)
        if not self.hold(moment):
            return moment
        local_day = moment.astimezone(ZoneInfo(self.zone)).date()
        for days in (0, 1):
            for fold in (0, 1):
                ends = datetime.combine(local_day + timedelta(days=days), self.end, ZoneInfo(self.zone))
                candidate = ends.replace(fold=fold).astimezone(UTC)
                if candidate >= moment:
                    return candidate
        raise AssertionError  # pragma: no cover - tomorrow's end lies ahead of any moment of today


def expires_at(planned: datetime, lasting: timedelta) -> datetime:
    """When a message of a campaign planned for ``planned`` is no longer worth sending."""
    return planned + lasting


def is_due(scheduled_at: datetime | None, now: datetime) -> bool:
    """Whether a scheduled campaign's moment has come."""
    return scheduled_at is not None and scheduled_at <= now


@dataclass(frozen=True, slots=True)
class Due:
    """One launch of a campaign.

    Attributes:
        occurrence: its number, the same for whoever works it out: 1 of a single launch, the minutes since 1970 of a recurring
            one, the ordinal of the local day of one that follows dates.
        at: its moment, in UTC.
        day: the shop's day of it.
    """

    occurrence: int
    at: datetime
    day: date


def next_due(draft: Draft, *, after: datetime, zone: str) -> Due | None:
    """The first launch later than ``after`` and not before the campaign's own time; None where there is none (any more).

    Args:
        draft: a checked one. What begins person by person is never due.
        after: an aware moment.
        zone: IANA name of the shop's time zone.
    """
    return _next(draft.trigger, draft.scheduled_at, after=after, zone=zone)


def upcoming(
    trigger: Trigger, *, begins: datetime | None = None, after: datetime, zone: str, count: int
) -> tuple[Due, ...]:
    """The next launches later than ``after`` and not before ``begins``, at most ``count`` of them, the first one first.

    Raises:
        DraftIncomplete: the rule of repetition cannot be read.
    """
    found: list[Due] = []
    while len(found) < count:
        due = _next(trigger, begins, after=found[-1].at if found else after, zone=zone)
        if due is None:
            break
        found.append(due)
    return tuple(found)


def _next(trigger: Trigger, begins: datetime | None, *, after: datetime, zone: str) -> Due | None:
    clock = ZoneInfo(zone)
    match trigger:
        case Once():
            return None if begins is None or begins <= after else Due(ONLY, begins.astimezone(UTC), _day(begins, clock))
        case Recurring(rrule=rule, starts_at=starts_at, until=until):
            since = max(after, begins - RESOLUTION) if begins is not None else after
            at = next_occurrence(rule, starts_at=starts_at, after=since, zone=zone, until=until)
            return None if at is None else Due(int(at.timestamp()) // 60, at, _day(at, clock))
        case OnDate(until=until) as dated:
            since = max(after, begins - RESOLUTION) if begins is not None else after
            due = _next_day(dated, since, clock)
            return None if until is not None and due.at > until else due
        case _:
            return None


def latest_due(draft: Draft, *, after: datetime, now: datetime, zone: str) -> Due | None:
    """The newest launch later than ``after`` that is due and still worth it; None where there is none.

    What was due while no worker ran is not made up for: a daily message is launched once, not once a missed day, and one
    whose messages would have expired not at all.
    """
    found, since = None, max(after, now - draft.expires_after)
    while (due := next_due(draft, after=since, zone=zone)) is not None and due.at <= now:
        found, since = due, due.at
    return found


def _next_day(trigger: OnDate, after: datetime, clock: ZoneInfo) -> Due:
    day = _day(after, clock)
    while (at := moment_of(day, trigger.local_time, clock)) <= after:
        day += timedelta(days=1)
    return Due(day.toordinal(), at, day)


def _day(moment: datetime, clock: ZoneInfo) -> date:
    return moment.astimezone(clock).date()
