"""Rules of repetition: the part of RFC 5545's RRULE that campaigns need, read in the shop's own time.

A rule names days. An occurrence has the time of day of the first one on the shop's clock, whatever clocks do between: 10:00
stays 10:00. A time that clocks skip that day becomes as long after the jump (02:30 → 03:30); one that comes twice is the first
of the two. A day that a month does not have is left out, as RFC 5545 says: for the last day of each month write
``BYMONTHDAY=-1``.

Written out rather than taken from python-dateutil, which looks for a day that never comes until the year 9999; a property test
holds the two together.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from campaigns.errors import DraftIncomplete

Frequency: TypeAlias = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
FREQUENCIES: tuple[Frequency, ...] = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
HORIZON = timedelta(days=9 * 366)
"""How far ahead the next occurrence is looked for: 29 February comes back within eight years."""
LARGEST_NUMBER = 1000
LONGEST_RULE = 200
_MONTHS, _LONGEST_MONTH, _LONGEST_YEAR = 12, 31, 366

_PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of repetition as it is written, see RFC 5545 section 3.3.10.

    Attributes:
        weekdays: which of them (0: every; 1: the first; -1: the last) and the weekday, Monday being 0.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


@lru_cache(maxsize=256)
def read_rule(rule: str, *, field: str = "trigger.rrule") -> Rule:
    """The rule that a text states.

    Raises:
        DraftIncomplete: where it states none, repeats more often than daily, or has no day at all, naming the field.
    """
    if len(rule) > LONGEST_RULE:
        raise DraftIncomplete(f"a rule has at most {LONGEST_RULE} characters", field=field)
    try:
        read = _read(dict(_parts(rule)))
    except ValueError as error:
        raise DraftIncomplete(str(error), field=field) from error
    if next(_days(read, date(2024, 1, 1), date(2024, 1, 1)), None) is None:
        raise DraftIncomplete("this rule has no day at all", field=field)
    return read


def next_occurrence(
    rule: str, *, starts_at: datetime, after: datetime, zone: str, until: datetime | None = None
) -> datetime | None:
    """The first occurrence later than ``after``, in UTC; None where there is none any more.

    Args:
        rule: one that `read_rule` lets pass.
        starts_at: from when on there are occurrences; the time of day of all of them.
        after: an aware moment.
        zone: IANA name of the shop's time zone.
        until: no occurrence is later than this.
    """
    clock = ZoneInfo(zone)
    first, begin = starts_at.astimezone(clock), after.astimezone(clock).date() - timedelta(days=1)
    for day in _days(read_rule(rule), first.date(), max(first.date(), begin)):
        moment = moment_of(day, first.time(), clock)
        if until is not None and moment > until:
            return None
        if moment > after and moment >= starts_at:
            return moment
    return None


def moment_of(day: date, at: time, clock: ZoneInfo) -> datetime:
    """The moment of a wall time, in UTC: of a skipped one as long after the jump, of a repeated one the first."""
    return datetime.combine(day, at.replace(tzinfo=None, fold=0), clock).astimezone(UTC)


def _parts(rule: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for part in rule.split(";"):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError("write NAME=VALUE;NAME=VALUE, such as FREQ=WEEKLY;BYDAY=FR")
        name, value = found.groups()
        if name in seen:
            raise ValueError(f"{name} stands twice")
        seen.add(name)
        yield name, value


def _read(parts: dict[str, str]) -> Rule:
    asked = parts.pop("FREQ", None)
    frequency = next((one for one in FREQUENCIES if one == asked), None)
    if frequency is None:
        raise ValueError(f"FREQ is one of {', '.join(FREQUENCIES)}, such as FREQ=WEEKLY;BYDAY=FR")
    rule = Rule(
        frequency=frequency,
        interval=_numbers(parts, "INTERVAL", 1, LARGEST_NUMBER, usual=(1,))[0],
        count=next(iter(_numbers(parts, "COUNT", 1, LARGEST_NUMBER)), None),
        weekdays=_weekdays(parts.pop("BYDAY", ""), frequency),
        month_days=_numbers(parts, "BYMONTHDAY", 1, _LONGEST_MONTH, signed=True),
        months=_numbers(parts, "BYMONTH", 1, _MONTHS),
        positions=_numbers(parts, "BYSETPOS", 1, _LONGEST_YEAR, signed=True),
        week_start=WEEKDAYS.index(_one_of(parts.pop("WKST", "MO"))),
    )
    if parts:
        raise ValueError(f"{min(parts)} cannot be here: the time of day is that of starts_at, and the end is until")
    if rule.month_days and frequency == "WEEKLY":
        raise ValueError("BYMONTHDAY does not go with FREQ=WEEKLY")
    return rule


def _numbers(
    parts: dict[str, str], name: str, least: int, most: int, *, signed: bool = False, usual: tuple[int, ...] = ()
) -> tuple[int, ...]:
    text = parts.pop(name, None)
    if text is None:
        return usual
    try:
        numbers = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        numbers = ()
    sound = all(least <= (abs(number) if signed else number) <= most for number in numbers)
    many = name.startswith("BY")
    if not numbers or not sound or (len(numbers) > 1 and not many):
        raise ValueError(f"{name} is {'numbers' if many else 'a number'} from {least} to {most}")
    return numbers


def _weekdays(text: str, frequency: Frequency) -> tuple[tuple[int, int], ...]:
    found = [_WEEKDAY.fullmatch(part) for part in text.split(",") if text]
    weekdays = tuple((int(one[1] or 0), WEEKDAYS.index(one[2])) for one in found if one is not None)
    if len(weekdays) < len(found) or any(one is not None and one[1] and not int(one[1]) for one in found):
        raise ValueError("BYDAY is weekdays like FR, or 1MO for the first Monday, -1FR for the last Friday")
    if frequency in ("DAILY", "WEEKLY") and any(which for which, _ in weekdays):
        raise ValueError(f"the first or last of a weekday does not go with FREQ={frequency}")
    return weekdays


def _one_of(weekday: str) -> str:
    if weekday not in WEEKDAYS:
        raise ValueError(f"WKST is one of {', '.join(WEEKDAYS)}")
    return weekday


def _days(rule: Rule, first: date, begin: date) -> Iterator[date]:
    """Days of a rule that begins on ``first``, from ``begin`` on, no further than the horizon."""
    number, left = 0 if rule.count else max(0, _period_number(rule, first, begin) - 1), rule.count
    limit = begin + HORIZON
    while (start := _period_start(rule, first, number)) is not None and start <= limit:
        for day in _days_of_period(rule, first, start):
            if day < first:
                continue
            if left is not None:
                if not left:
                    return
                left -= 1
            if day >= begin:
                yield day
        number += 1


def _period_number(rule: Rule, first: date, day: date) -> int:
    """Which period of the rule a day lies in, or the last one before it."""
    match rule.frequency:
        case "DAILY":
            passed = (day - first).days
        case "WEEKLY":
            passed = (day - _week_of(rule, first)).days // 7
        case "MONTHLY":
            passed = (day.year - first.year) * _MONTHS + day.month - first.month
        case "YEARLY":
            passed = day.year - first.year
    return passed // rule.interval


def _period_start(rule: Rule, first: date, number: int) -> date | None:
    """The first day of a period; None past the end of the calendar."""
    steps = number * rule.interval
    try:
        match rule.frequency:
            case "DAILY":
                return first + timedelta(days=steps)
            case "WEEKLY":
                return _week_of(rule, first) + timedelta(weeks=steps)
            case "MONTHLY":
                years, month = divmod(first.month - 1 + steps, _MONTHS)
                return date(first.year + years, month + 1, 1)
            case "YEARLY":
                return date(first.year + steps, 1, 1)
    except (OverflowError, ValueError):
        return None


def _week_of(rule: Rule, day: date) -> date:
    return day - timedelta(days=(day.weekday() - rule.week_start) % 7)


def _days_of_period(rule: Rule, first: date, start: date) -> list[date]:
    days = [day for group in _groups(rule, start) for day in _chosen(rule, first, group)]
    if not rule.positions:
        return days
    picked = {position - 1 if position > 0 else len(days) + position for position in rule.positions}
    return [day for place, day in enumerate(days) if place in picked]


def _groups(rule: Rule, start: date) -> list[list[date]]:
    """The days of a period, in the groups within which the first and the last of a weekday are counted."""
    match rule.frequency:
        case "DAILY":
            return [[start]]
        case "WEEKLY":
            return [[start + timedelta(days=day) for day in range(7)]]
        case "MONTHLY":
            return [_month(start.year, start.month)]
        case "YEARLY" if rule.months or not rule.weekdays:
            return [_month(start.year, month) for month in range(1, _MONTHS + 1)]
        case "YEARLY":
            return [[start + timedelta(days=day) for day in range(_LONGEST_YEAR - (not isleap(start.year)))]]


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


def _chosen(rule: Rule, first: date, group: Sequence[date]) -> Iterator[date]:
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if not (month_days or weekdays):
        if rule.frequency == "WEEKLY":
            weekdays = ((0, first.weekday()),)
        elif rule.frequency != "DAILY":
            month_days = (first.day,)
            months = months or ((first.month,) if rule.frequency == "YEARLY" else ())
    for day in group:
        if months and day.month not in months:
            continue
        if month_days and not {day.day, day.day - monthrange(day.year, day.month)[1] - 1} & {*month_days}:
            continue
        if not weekdays or _is_one_of(weekdays, day, group):
            yield day


def _is_one_of(weekdays: Sequence[tuple[int, int]], day: date, group: Sequence[date]) -> bool:
    from_front, from_back = (day - group[0]).days // 7 + 1, -((group[-1] - day).days // 7) - 1
    return any(weekday == day.weekday() and which in (0, from_front, from_back) for which, weekday in weekdays)
