"""When a message may go out: quiet hours in the shop's own time, across midnight and clock changes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

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
