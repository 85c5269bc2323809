"""Windows by name, and the windows that figures are compared with.

A name is worked out on the day it is asked: windows of this week, month, quarter or year end with the running day, so they are
incomplete; those of the last one are whole.
"""

from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum

from segments.calendar import BusinessCalendar
from segments.errors import BadOption
from segments.nearest import hint
from segments.windows import Window

SAME_WEEKDAY = timedelta(weeks=52)
"""A year back on the same weekday."""


class Compare(StrEnum):
    """What a figure is compared with, beside a segment."""

    PREVIOUS = "previous"
    """The window before: of a whole week, month, quarter or fiscal year the one before it, else as many days before."""
    PREVIOUS_YEAR = "previous_year"
    """The same dates a year before."""
    PREVIOUS_YEAR_SAME_WEEKDAY = "previous_year_same_weekday"
    """52 weeks before: as many Sundays."""


SEGMENT = "segment:"
"""What a comparison with a segment begins with; its name or number follows."""


def read_comparison(text: str) -> Compare | None:
    """With what to compare; None where it is a segment.

    Raises:
        BadOption: figures are compared with nothing of that name; the message names the nearest.
    """
    if text.startswith(SEGMENT):
        return None
    if text not in [*Compare]:
        sentence = f"nothing is compared with {text}; {hint(text, [*Compare, f'{SEGMENT}NAME'])}"
        raise BadOption(sentence, code="no_comparison")
    return Compare(text)


def _running(span: Callable[[BusinessCalendar, date], Window]) -> Callable[[BusinessCalendar, date], Window]:
    return lambda calendar, today: Window(span(calendar, today).first, today)


def _last(span: Callable[[BusinessCalendar, date], Window]) -> Callable[[BusinessCalendar, date], Window]:
    return lambda calendar, today: span(calendar, span(calendar, today).first - timedelta(days=1))


def _days(count: int) -> Callable[[BusinessCalendar, date], Window]:
    return lambda _, today: Window(today - timedelta(days=count), today - timedelta(days=1))


NAMED: dict[str, Callable[[BusinessCalendar, date], Window]] = {
    "today": lambda _, today: Window(today, today),
    "yesterday": _days(1),
    "last_7_days": _days(7),
    "last_28_days": _days(28),
    "last_90_days": _days(90),
    "last_365_days": _days(365),
    "this_week": _running(BusinessCalendar.week),
    "last_week": _last(BusinessCalendar.week),
    "this_month": _running(BusinessCalendar.month),
    "last_month": _last(BusinessCalendar.month),
    "this_fiscal_quarter": _running(BusinessCalendar.fiscal_quarter),
    "last_fiscal_quarter": _last(BusinessCalendar.fiscal_quarter),
    "this_fiscal_year": _running(BusinessCalendar.fiscal_year),
    "last_fiscal_year": _last(BusinessCalendar.fiscal_year),
}
"""Windows by name, from the calendar and the running day."""


def named_window(name: str, calendar: BusinessCalendar, today: date) -> Window:
    """The window of that name on the running day ``today``.

    Raises:
        BadOption: no window has it; the message names the nearest.
    """
    if name not in NAMED:
        raise BadOption(f"no window is called {name}; {hint(name, NAMED)}", code="no_window")
    return NAMED[name](calendar, today)


def compared_window(window: Window, how: Compare, calendar: BusinessCalendar) -> Window:
    """The window that ``window`` is compared with."""
    if how is Compare.PREVIOUS:
        return _previous(window, calendar)
    if how is Compare.PREVIOUS_YEAR_SAME_WEEKDAY:
        return Window(window.first - SAME_WEEKDAY, window.last - SAME_WEEKDAY)
    return Window(_year_before(window.first), _year_before(window.last))


def _previous(window: Window, calendar: BusinessCalendar) -> Window:
    for span in (calendar.week, calendar.month, calendar.fiscal_quarter, calendar.fiscal_year):
        if span(window.first) == window:
            return span(window.first - timedelta(days=1))
    return window.previous()


def _year_before(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28) if leap_day else day.replace(year=day.year - 1)
