"""Conditions on behaviour as Polars expressions over the list columns of the customer frame."""

from collections.abc import Collection
from datetime import date
from typing import assert_never

import polars as pl

from segments.customers import NEWEST, latest_column, times_column
from segments.reduce.latest import TIMES, number_before, since, upto
from segments.rules.behaviour import Behaviour, amounts_column, column_of, is_oldest_first
from segments.rules.rule import Behavioural, Between, Changed, Did, InPeriods, Measure, When, Window, Within

_FALSE = pl.lit(value=False)
_YEAR = 12
_FOUR_YEARS = 1461
_FIVE_MONTHS = 153
"""Days of any five months in a row from March or August on."""
_SINCE_MARCH_1968 = (date(1970, 1, 1) - date(1968, 3, 1)).days


def compile_behavioural(condition: Behavioural, columns: Collection[str]) -> pl.Expr:
    """The expression that is true for those of whom the condition holds; never null.

    Args:
        condition: a condition on behaviour.
        columns: names of the frame's columns; a behaviour whose column is absent never occurred.
    """
    occurs = column_of(condition.behaviour) in columns
    match condition:
        case Did():
            return _did(condition, columns)
        case Measure():
            return _measure(condition, occurs=occurs)
        case When():
            return _when(condition, columns, occurs=occurs).fill_null(value=False)
        case InPeriods():
            return _periods(condition).fill_null(value=False) if occurs else _FALSE
        case Changed():
            return _changed(condition, columns, occurs=occurs).fill_null(value=False)
        case _:
            assert_never(condition)


def cut(days: int) -> pl.Expr:
    """The last day that is too old to lie in the last ``days`` days."""
    return pl.col("as_of") - pl.duration(days=days)


def _did(condition: Did, columns: Collection[str]) -> pl.Expr:
    match condition.op:
        case "at_least":
            return _at_least(condition, condition.times, columns)
        case "at_most":
            return ~_at_least(condition, condition.times + 1, columns)
        case _:
            no_more = ~_at_least(condition, condition.times + 1, columns)
            return no_more & _at_least(condition, condition.times, columns) if condition.times else no_more


def _at_least(condition: Did, times: int, columns: Collection[str]) -> pl.Expr:
    """The list is newest first, so ``times`` occurrences lie in the period when the one at that place does."""
    plain = _plain_at_least(condition, times, columns)
    if plain is not None:
        return plain
    name = column_of(condition.behaviour)
    if name not in columns:
        return _FALSE
    day = pl.col(name).list.get(times - 1, null_on_oob=True)
    return _inside(day, condition.window).fill_null(value=False)


def _plain_at_least(condition: Did, times: int, columns: Collection[str]) -> pl.Expr | None:
    """The same of a plain column beside the list (`segments.reduce.latest`); None where there is none that says it."""
    event = condition.behaviour.event
    if condition.behaviour != Behaviour(event):
        return None
    name, length = latest_column(event, times), times_column(event)
    if condition.window is None and length in columns:
        return pl.col(length) >= pl.lit(min(times, NEWEST + 1), TIMES)
    return _number_inside(pl.col(name), condition.window) if name in columns else None


def _number_inside(number: pl.Expr, window: Window) -> pl.Expr:
    """Whether the number of a day that is in the behaviour lies in the window."""
    match window:
        case Within() if window.days is not None:
            return number > number_before(window.days)
        case Between(first) if first is not None:
            return since(number, first)
        case _:
            return number > 0


def _inside(day: pl.Expr, window: Window) -> pl.Expr:
    """Whether a day that is in the behaviour lies in the window; how it ends is in the behaviour already."""
    match window:
        case Within() if window.days is not None:
            return day > cut(window.days)
        case Between(first) if first is not None:
            return day >= pl.lit(first)
        case _:
            return day.is_not_null()


def _measure(condition: Measure, *, occurs: bool) -> pl.Expr:
    largest = condition.measure == "max"
    if not occurs:
        return _FALSE if largest else _compared(pl.lit(0, pl.Int64), condition)
    counted = _amounts_inside(condition)
    measured = counted.list.max() if largest else counted.list.sum().fill_null(0)
    return _compared(measured, condition).fill_null(value=False)


def _amounts_inside(condition: Measure) -> pl.Expr:
    """The amounts of the days that lie in the window: as many as there are such days, from the newest end."""
    name, amounts = column_of(condition.behaviour), pl.col(amounts_column(condition.behaviour))
    match condition.window:
        case Within() if condition.window.days is not None:
            inside = _ages(name).list.eval(pl.element() < condition.window.days)
        case Between(first) if first is not None:
            inside = pl.col(name).list.eval(pl.element() >= pl.lit(first))
        case _:
            return amounts
    days = inside.list.sum()
    return amounts.list.tail(days) if is_oldest_first(condition.behaviour) else amounts.list.head(days)


def _newest(behaviour: Behaviour) -> pl.Expr:
    return pl.col(column_of(behaviour)).list.get(-1 if is_oldest_first(behaviour) else 0, null_on_oob=True)


def _oldest(behaviour: Behaviour) -> pl.Expr:
    return pl.col(column_of(behaviour)).list.get(0 if is_oldest_first(behaviour) else -1, null_on_oob=True)


def _ages(days: str) -> pl.Expr:
    """How many days before the as-of day each day of a list lies."""
    return pl.col("as_of").cast(pl.Int32) - pl.col(days).cast(pl.List(pl.Int32))


def _compared(measured: pl.Expr, condition: Measure) -> pl.Expr:
    match condition.value:
        case (low, high):
            return measured.is_between(low, high)
        case int(value):
            return measured >= value if condition.op == ">=" else measured <= value


def _when(condition: When, columns: Collection[str], *, occurs: bool) -> pl.Expr:
    number = _latest(condition.behaviour, columns) if condition.which == "last" else None
    if number is not None:
        return _when_last(number, condition)
    if not occurs:
        return _FALSE
    day = _oldest(condition.behaviour) if condition.which == "first" else _newest(condition.behaviour)
    match condition.op, condition.value:
        case "within_days", int(days):
            return (day > cut(days)) & (day <= pl.col("as_of"))
        case "before_days", int(days):
            return day <= cut(days)
        case "on_or_after", moment:
            return day >= pl.lit(moment)
        case _, moment:
            return day <= pl.lit(moment)


def _when_last(number: pl.Expr, condition: When) -> pl.Expr:
    match condition.op, condition.value:
        case "within_days", int(days):
            return (number > number_before(days)) & (number <= number_before(0))
        case "before_days", int(days):
            return (number > 0) & (number <= number_before(days))
        case "on_or_after", date() as moment:
            return since(number, moment)
        case _, date() as moment:
            return upto(number, moment)
        case _:
            raise ValueError(f"{condition.op} {condition.value}")


def _latest(behaviour: Behaviour, columns: Collection[str]) -> pl.Expr | None:
    """The plain column with the newest day; None where there is none."""
    name = latest_column(behaviour.event, 1)
    return pl.col(name) if behaviour == Behaviour(behaviour.event) and name in columns else None


def _periods(condition: InPeriods) -> pl.Expr:
    name = column_of(condition.behaviour)
    if condition.unit == "month":
        ago = _month(pl.col("as_of").cast(pl.Int32)) - pl.col(name).cast(pl.List(pl.Int32)).list.eval(
            _month(pl.element())
        )
    else:
        ago = _ages(name) // (1 if condition.unit == "day" else 7)
    return ago.list.filter(pl.element() < condition.of_last).list.n_unique() >= condition.least


def _month(days: pl.Expr) -> pl.Expr:
    """The number of the calendar month of days since 1970, from March 1968 on and up to February 2100.

    Years and months from March on follow from a day's number by divisions alone, which takes a third of `dt.month`.
    """
    quarters = (days + _SINCE_MARCH_1968) * 4 + 3
    return quarters // _FOUR_YEARS * _YEAR + (quarters % _FOUR_YEARS // 4 * 5 + 2) // _FIVE_MONTHS


def _changed(condition: Changed, columns: Collection[str], *, occurs: bool) -> pl.Expr:
    name, span = column_of(condition.behaviour), condition.days
    if condition.change == "stopped" and (number := _latest(condition.behaviour, columns)) is not None:
        return (number > number_before(2 * span)) & (number <= number_before(span))
    if not occurs:
        return _FALSE
    latest = _newest(condition.behaviour)
    if condition.change == "stopped":
        return (latest > cut(2 * span)) & (latest <= cut(span))
    before = _ages(name).list.eval((pl.element() >= span) & (pl.element() < 2 * span)).list.any()
    return (latest > cut(span)) & ~before & (_oldest(condition.behaviour) <= cut(2 * span))
