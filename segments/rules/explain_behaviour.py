"""Conditions on behaviour asked of one row: the verdict, and what was found in words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from segments.customers import NEWEST
from segments.rules import words
from segments.rules.behaviour import amounts_column, column_of
from segments.rules.describe_behaviour import amount_in_words
from segments.rules.explain_attribute import cut
from segments.rules.rule import Behavioural, Between, Changed, Did, InPeriods, Measure, When, Window, Within
from segments.rules.telling import Telling

_WEEK = 7
_YEAR = 12


def behaved(condition: Behavioural, row: Mapping[str, Any]) -> bool:
    """Whether the condition is true of the row."""
    match condition:
        case Did():
            return _often_enough(condition, len(_inside(_days(condition, row), condition.window, row["as_of"])))
        case Measure():
            return _sized(condition, _measured(condition, row))
        case When():
            return _at_the_time(condition, row)
        case InPeriods():
            return _periods(condition, row) >= condition.least
        case Changed():
            return _changed(condition, row)


def occurrences_found(condition: Behavioural, row: Mapping[str, Any], telling: Telling) -> str:
    """What was found: how often and when last, the amount, the day, in how many periods."""
    days = _days(condition, row)
    match condition:
        case Measure():
            amount = _measured(condition, row)
            none = "一度もない" if telling.japanese else "never"
            return none if amount is None else amount_in_words(amount, condition.behaviour, telling)
        case When() if days:
            return words.day(_asked_day(condition, days), telling.language)
        case InPeriods() if days:
            return _periods_in_words(_periods(condition, row), condition, telling)
        case Changed() if days:
            return _last_days_in_words(days, telling)
        case Did() if days:
            return _times_in_words(_inside(days, condition.window, row["as_of"]), days, telling)
        case _:
            return "一度もない" if telling.japanese else "never"


def _days(condition: Behavioural, row: Mapping[str, Any]) -> Sequence[date]:
    """The days of the behaviour, newest first."""
    return sorted(row.get(column_of(condition.behaviour)) or (), reverse=True)


def _begins(window: Window, as_of: date) -> date | None:
    """The last day that is too old for the window, or None; where it ends is in the behaviour already."""
    if isinstance(window, Within) and window.days is not None:
        return cut(as_of, window.days)
    return cut(window.first, 1) if isinstance(window, Between) and window.first is not None else None


def _inside(days: Sequence[date], window: Window, as_of: date) -> Sequence[date]:
    begins = _begins(window, as_of)
    return days if begins is None else [day for day in days if day > begins]


def _often_enough(condition: Did, count: int) -> bool:
    if condition.op == "at_least":
        return count >= condition.times
    return count <= condition.times if condition.op == "at_most" else count == condition.times


def _measured(condition: Measure, row: Mapping[str, Any]) -> int | None:
    """None where there is nothing to find the largest of."""
    days = row.get(column_of(condition.behaviour)) or ()
    amounts = row.get(amounts_column(condition.behaviour)) or ()
    begins = _begins(condition.window, row["as_of"])
    found = [amount for day, amount in zip(days, amounts, strict=True) if begins is None or day > begins]
    return sum(found) if condition.measure == "sum" else max(found, default=None)


def _sized(condition: Measure, measured: int | None) -> bool:
    match condition.value:
        case _ if measured is None:
            return False
        case (low, high):
            return low <= measured <= high
        case int(value):
            return measured >= value if condition.op == ">=" else measured <= value


def _asked_day(condition: When, days: Sequence[date]) -> date:
    return days[-1] if condition.which == "first" else days[0]


def _at_the_time(condition: When, row: Mapping[str, Any]) -> bool:
    days, as_of, value = _days(condition, row), row["as_of"], condition.value
    if not days:
        return False
    day = _asked_day(condition, days)
    if isinstance(value, date):
        return day >= value if condition.op == "on_or_after" else day <= value
    return cut(as_of, value) < day <= as_of if condition.op == "within_days" else day <= cut(as_of, value)


def _periods(condition: InPeriods, row: Mapping[str, Any]) -> int:
    """In how many of the periods."""
    ago = {_periods_ago(day, row["as_of"], condition.unit) for day in _days(condition, row)}
    return sum(number < condition.of_last for number in ago)


def _periods_ago(day: date, as_of: date, unit: str) -> int:
    if unit == "month":
        return (as_of.year - day.year) * _YEAR + as_of.month - day.month
    return (as_of - day).days // (_WEEK if unit == "week" else 1)


def _changed(condition: Changed, row: Mapping[str, Any]) -> bool:
    recent, before = cut(row["as_of"], condition.days), cut(row["as_of"], 2 * condition.days)
    days = _days(condition, row)
    lately = any(day > recent for day in days)
    just_before = any(before < day <= recent for day in days)
    if condition.change == "stopped":
        return just_before and not lately
    return lately and not just_before and any(day <= before for day in days)


def _times_in_words(within: Sequence[date], days: Sequence[date], telling: Telling) -> str:
    """How often, and when last: 2回（最後は2026年1月5日）."""
    cut_off = len(within) >= NEWEST
    last = words.day(days[0], telling.language)
    if telling.japanese:
        return f"{len(within)}回{'以上' if cut_off else ''}（最後は{last}）"
    return f"{len(within)}{'+' if cut_off else ''} {'time' if len(within) == 1 else 'times'} (last on {last})"


def _periods_in_words(found: int, condition: InPeriods, telling: Telling) -> str:
    if telling.japanese:
        counter = {"day": "日", "week": "週間", "month": "か月"}[condition.unit]
        return f"{condition.of_last}{counter}のうち{found}{counter}"
    return f"in {found} of {words.counted(condition.of_last, condition.unit)}"


def _last_days_in_words(days: Sequence[date], telling: Telling) -> str:
    """The last days on which it happened, the newest first."""
    shown = [words.day(day, telling.language) for day in dict.fromkeys(days)][:3]
    return f"最後は{'、'.join(shown)}" if telling.japanese else f"last on {', '.join(shown)}"
