"""The business calendar: which business day a moment belongs to, and which week a day belongs to."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Time zone, day boundary and start of the week of one shop.

    Attributes:
        zone: IANA name of the business time zone.
        day_starts: hours after local midnight at which the business day begins; a restaurant may use 4.
        week_starts: ISO weekday of the first day of a week, 1 for Monday.
    """

    zone: str = "Asia/Tokyo"
    day_starts: int = 0
    week_starts: int = 1

    def business_day(self, moment: datetime) -> date:
        """The business day of an aware moment."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return (local.replace(tzinfo=None) - timedelta(hours=self.day_starts)).date()

    def week_of(self, day: date) -> date:
        """The first day of the week that holds ``day``."""
        return day - timedelta(days=(day.isoweekday() - self.week_starts) % 7)

    def moment(self, naive: datetime) -> datetime:
        """A naive local time of the shop as an aware moment."""
        return naive.replace(tzinfo=ZoneInfo(self.zone))

    def start_of(self, day: date) -> datetime:
        """The moment at which a business day begins."""
        return self.moment(datetime.combine(day, time(self.day_starts)))
