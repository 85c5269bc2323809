"""The business calendar: which business day a moment belongs to, and which week, month and fiscal year a day belongs to."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from segments.windows import Window

MONTHS = 12
END_OF_MONTH = 31
"""Closing day of a shop whose months end as the calendar's do."""


def months_before(day: date, months: int) -> date:
    """The same day of an earlier calendar month, or the last of a month that is shorter."""
    year, month = divmod(day.year * MONTHS + day.month - 1 - months, MONTHS)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Time zone, day boundary, weeks, months and fiscal years of one shop.

    Attributes:
        zone: IANA name of the business time zone.
        day_starts: hours after local midnight at which the business day begins; a restaurant may use 4.
        week_starts: ISO weekday of the first day of a week, 1 for Monday.
        fiscal_starts: the month with which the fiscal year begins.
        closing_day: the day of the month on which books are closed (締め日); a month with fewer days closes on its last.
        mark_holidays: whether public holidays of Japan are marked beside figures.
    """

    zone: str = "Asia/Tokyo"
    day_starts: int = 0
    week_starts: int = 1
    fiscal_starts: int = 4
    closing_day: int = END_OF_MONTH
    mark_holidays: bool = True

    def business_day(self, moment: datetime) -> date:
        """The business day of an aware moment."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return (local.replace(tzinfo=None) - timedelta(hours=self.day_starts)).date()

    def week_of(self, day: date) -> date:
        """The first day of the week that holds ``day``."""
        return day - timedelta(days=(day.isoweekday() - self.week_starts) % 7)

    def week(self, day: date) -> Window:
        """The week that holds ``day``."""
        first = self.week_of(day)
        return Window(first, first + timedelta(days=6))

    def month(self, day: date) -> Window:
        """The shop's month that holds ``day``: from the day after a closing day to the next one.

        A month bears the name of the calendar month in which it closes: closing on the 20th, 21 February to 20 March is
        March.
        """
        number = day.year * MONTHS + day.month - 1
        return self._month(number if day <= self._closes(number) else number + 1)

    def fiscal_year(self, day: date) -> Window:
        """The fiscal year that holds ``day``, by the shop's months."""
        last = self.month(day).last
        passed = (last.month - self.fiscal_starts) % MONTHS
        begins = last.year * MONTHS + last.month - 1 - passed
        return Window(self._month(begins).first, self._closes(begins + MONTHS - 1))

    def fiscal_quarter(self, day: date) -> Window:
        """The quarter of the fiscal year that holds ``day``."""
        last = self.month(day).last
        begins = last.year * MONTHS + last.month - 1 - (last.month - self.fiscal_starts) % 3
        return Window(self._month(begins).first, self._closes(begins + 2))

    def moment(self, naive: datetime) -> datetime:
        """A naive local time of the shop as an aware moment."""
        return naive.replace(tzinfo=ZoneInfo(self.zone))

    def start_of(self, day: date) -> datetime:
        """The moment at which a business day begins."""
        return self.moment(datetime.combine(day, time(self.day_starts)))

    def _month(self, number: int) -> Window:
        return Window(self._closes(number - 1) + timedelta(days=1), self._closes(number))

    def _closes(self, number: int) -> date:
        """The closing day of a month, counted from year 0."""
        year, month = number // MONTHS, number % MONTHS + 1
        return date(year, month, min(self.closing_day, calendar.monthrange(year, month)[1]))
