"""Rank rules as values: what earns a rank, over which period, when people rise and when they fall. Pure.

A rule set holds from a day on and is never changed: a later version holds from a later day, so ranks of the past stay
what they were. In force on a day is the highest version that has begun by then.
"""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

LONGEST_NAME = 50
MOST_RANKS = 20
MOST_DATES = 24
MOST_DAYS = 366
HIGHEST = 10**12
MONTHS = 12


class Criterion(StrEnum):
    """What is counted."""

    AMOUNT = "amount"
    """Money of orders, each net of its own refunds, in the currency's minor units."""
    ORDERS = "orders"
    """Orders, without those that were wholly refunded or cancelled."""
    POINTS = "points"
    """Points earned; what was spent of them does not matter."""


class Period(StrEnum):
    """Over which time it is counted."""

    ROLLING = "rolling"
    """The last twelve months, this day included."""
    CALENDAR = "calendar"
    """The calendar year; what the last one earned holds too, until a day of review takes it away."""
    FISCAL = "fiscal"
    """The same for years that begin with `RankRules.year_starts`."""
    JOINED = "joined"
    """Everything since the person joined."""


class Promotion(StrEnum):
    """When people rise."""

    AT_ONCE = "at_once"
    """On the day on which they reach a threshold."""
    AFTER_RETURN = "after_return"
    """Once an order is so many days old, net of what came back until then."""
    DATES = "dates"
    """On certain days only."""


@dataclass(frozen=True, slots=True)
class Rank:
    """One rank and what it asks for: so much of the criterion within the period."""

    name: str
    threshold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRules:
    """One rule set.

    Attributes:
        ranks: the lowest, which asks for nothing, first.
        year_starts: first month of a fiscal year.
        return_days: of `Promotion.AFTER_RETURN`.
        promotion_dates: of `Promotion.DATES`: "15" is the 15th of each month, "04-01" the first of April. A day that a
            month does not have is its last.
        demotion_dates: on which people fall who have not earned what they hold; nobody falls where there is none.
        grace_days: so many days later they fall, unless they earn their rank again in between.
        floor: the rank below which nobody falls who held it or a higher one.
    """

    ranks: tuple[Rank, ...]
    criterion: Criterion = Criterion.AMOUNT
    period: Period = Period.ROLLING
    year_starts: int = 4
    promotion: Promotion = Promotion.AT_ONCE
    return_days: int = 0
    promotion_dates: tuple[str, ...] = ()
    demotion_dates: tuple[str, ...] = ()
    grace_days: int = 0
    floor: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The ranks by name, the lowest first."""
        return tuple(rank.name for rank in self.ranks)

    @property
    def lag(self) -> int:
        """Days that an order waits until it counts for a rise."""
        return self.return_days if self.promotion is Promotion.AFTER_RETURN else 0

    def earned(self, figure: int) -> int:
        """The place of the rank that a figure earns, 0 for the lowest."""
        return sum(rank.threshold <= figure for rank in self.ranks[1:])

    def ends(self, day: date) -> date | None:
        """The first day on which what happened on ``day`` counts no longer for the current period; None for never."""
        match self.period:
            case Period.ROLLING:
                return a_year_after(day)
            case Period.CALENDAR:
                return date(day.year + 1, 1, 1)
            case Period.FISCAL:
                return date(day.year + (day.month >= self.year_starts), self.year_starts, 1)
            case Period.JOINED:
                return None

    def counted_until(self, day: date) -> date | None:
        """The last day of the year that ``day`` lies in, where the period is a year."""
        end = self.ends(day) if self.period in (Period.CALENDAR, Period.FISCAL) else None
        return None if end is None else end - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankVersion:
    """A rule set, since when it holds, and who saved it."""

    version: int
    valid_from: date
    rules: RankRules
    note: str = ""
    saved_at: datetime | None = None
    saved_by: str = ""


def a_year_after(day: date) -> date:
    """The same day of the next year; the first of March after a 29th of February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def in_force(versions: Sequence[RankVersion], day: date) -> RankVersion | None:
    """The version that holds on a day: of those that have begun the one saved last."""
    begun = [version for version in versions if version.valid_from <= day]
    return max(begun, key=lambda version: version.version, default=None)


def spans(versions: Sequence[RankVersion]) -> list[tuple[date, RankVersion]]:
    """The versions that ever hold, each with its first day, in the order of days."""
    found: list[tuple[date, RankVersion]] = []
    for day in sorted({version.valid_from for version in versions}):
        version = in_force(versions, day)
        if version is not None and (not found or found[-1][1] is not version):
            found.append((day, version))
    return found


def days_of(dates: Sequence[str], first: date, last: date) -> Iterator[date]:
    """The days from ``first`` to ``last`` that ``dates`` name, in order, each once."""
    named = {(int(text[:-3] or 0), int(text[-2:])) if len(text) > 2 else (0, int(text)) for text in dates}  # noqa: PLR2004 - "15" or "04-01"
    month = first.year * MONTHS + first.month - 1
    while named and (begins := date(month // MONTHS, month % MONTHS + 1, 1)) <= last:
        longest = calendar.monthrange(begins.year, begins.month)[1]
        numbers = {min(day, longest) for which, day in named if which in (0, begins.month)}
        yield from (day for number in sorted(numbers) if first <= (day := begins.replace(day=number)) <= last)
        month += 1


@lru_cache(maxsize=256)
def next_day(dates: tuple[str, ...], after: date) -> date | None:
    """The first day after ``after`` that ``dates`` name."""
    return next(days_of(dates, after + timedelta(days=1), after + timedelta(days=800)), None)


def problems(rules: RankRules) -> dict[str, str]:
    """What cannot be taken, one sentence by field; empty where all is well."""
    found = {
        "ranks": _ranks(rules.ranks),
        "year_starts": None if 1 <= rules.year_starts <= MONTHS else "Choose a month from 1 to 12.",
        "return_days": _days(rules.return_days, least=int(rules.promotion is Promotion.AFTER_RETURN)),
        "promotion_dates": _dates(rules.promotion_dates, needed=rules.promotion is Promotion.DATES),
        "demotion_dates": _dates(rules.demotion_dates, needed=False),
        "grace_days": _days(rules.grace_days, least=0),
        "floor": None if rules.floor is None or rules.floor in rules.names else "The floor is one of the ranks.",
    }
    return {field: sentence for field, sentence in found.items() if sentence is not None}


def _ranks(ranks: Sequence[Rank]) -> str | None:
    names, asked = [rank.name for rank in ranks], [rank.threshold for rank in ranks]
    if not 2 <= len(ranks) <= MOST_RANKS:  # noqa: PLR2004 - one rank is none
        return f"Name 2 to {MOST_RANKS} ranks."
    if not all(name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names):
        return f"A rank's name has 1 to {LONGEST_NAME} characters."
    if len({*names}) != len(names):
        return "Two ranks bear the same name."
    if asked[0] != 0:
        return "The lowest rank asks for nothing: its threshold is 0."
    if any(lower >= higher for lower, higher in pairwise(asked)) or asked[-1] > HIGHEST:
        return "Each rank asks for more than the one below it."
    return None


def _days(number: int, *, least: int) -> str | None:
    return None if least <= number <= MOST_DAYS else f"Choose a whole number from {least} to {MOST_DAYS}."


def _dates(dates: Sequence[str], *, needed: bool) -> str | None:
    if needed and not dates:
        return "Name at least one day."
    sound = len(dates) <= MOST_DATES and all(_is_date(text) for text in dates)
    return None if sound else "Write days like 15 (of each month) or 04-01 (each year)."


def _is_date(text: str) -> bool:
    day = text[-2:]
    if not (day.isascii() and day.isdecimal() and len(day) == 2):  # noqa: PLR2004 - two digits
        return False
    if len(text) == 2:  # noqa: PLR2004 - a day alone
        return 1 <= int(day) <= 31  # noqa: PLR2004 - longest month
    month = text[:2]
    if len(text) != len("04-01") or text[2] != "-" or not (month.isascii() and month.isdecimal()):
        return False
    return 1 <= int(month) <= MONTHS and 1 <= int(day) <= calendar.monthrange(2024, int(month))[1]
