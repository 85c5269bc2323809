"""Public holidays of Japan by day, in the words of a calendar; what they are is the `holidays` package's knowledge."""

from datetime import date
from functools import cache

import holidays

_LANGUAGES = {"ja": "ja", "en": "en_US"}


def holiday_name(day: date, language: str) -> str | None:
    """What the day is called where it is a public holiday of Japan (元日 / New Year's Day); None for any other day.

    Substitute holidays (振替休日) and days between two holidays (国民の休日) count; Sundays and a shop's own closing days
    do not.
    """
    found: str | None = _of_year(day.year, language).get(day)
    return found


@cache
def _of_year(year: int, language: str) -> dict[date, str]:
    return dict(holidays.country_holidays("JP", years=year, language=_LANGUAGES[language]))
