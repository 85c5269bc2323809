"""Conditions on behaviour as Polars expressions over the list columns of the customer frame."""

from collections.abc import Collection
from typing import assert_never

import polars as pl

from segments.rules.behaviour import amounts_column, column_of
from segments.rules.rule import Behavioural, Between, Changed, Did, InPeriods, Measure, Unit, When, Window, Within

_FALSE = pl.lit(value=False)


def compile_behavioural(condition: Behavioural, columns: Collection[str]) -> pl.Expr:
    """The expression that is true for those of whom the condition holds; never null.

    Args:
        condition: a condition on behaviour.
        columns: names of the frame's columns; a behaviour whose column is absent never occurred.
    """
    name = column_of(condition.behaviour)
    match condition:
        case Did():
            return _did(condition, occurs=name in columns)
        case Measure():
            return _measure(condition, occurs=name in columns)
        case _ if name not in columns:
            return _FALSE
        case When():
            return _when(condition).fill_null(value=False)
        case InPeriods():
            return _periods(condition).fill_null(value=False)
        case Changed():
            return _changed(condition).fill_null(value=False)
        case _:
            assert_never(condition)


def cut(days: int) -> pl.Expr:
    """The last day that is too old to lie in the last ``days`` days."""
    return pl.col("as_of") - pl.duration(days=days)


def _did(condition: Did, *, occurs: bool) -> pl.Expr:
    match condition.op:
        case "at_least":
            return _at_least(condition, condition.times, occurs=occurs)
        case "at_most":
            return ~_at_least(condition, condition.times + 1, occurs=occurs)
        case _:
            no_more = ~_at_least(condition, condition.times + 1, occurs=occurs)
            return no_more & _at_least(condition, condition.times, occurs=occurs) if condition.times else no_more


def _at_least(condition: Did, times: int, *, occurs: bool) -> pl.Expr:
    """The list is newest first, so ``times`` occurrences lie in the period when the one at that place does."""
    if not occurs:
        return _FALSE
    day = pl.col(column_of(condition.behaviour)).list.get(times - 1, null_on_oob=True)
    return _inside(day, condition.window).fill_null(value=False)


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
    """The amounts of the days that lie in the window; null where they do not."""
    days, amounts = column_of(condition.behaviour), pl.col(amounts_column(condition.behaviour))
    match condition.window:
        case Within() if condition.window.days is not None:
            young = _ages(days).list.eval(pl.when(pl.element() < condition.window.days).then(1))
        case Between(first) if first is not None:
            young = pl.col(days).list.eval(pl.when(pl.element() >= pl.lit(first)).then(1))
        case _:
            return amounts
    return amounts * young


def _ages(days: str) -> pl.Expr:
    """How many days before the as-of day each day of a list lies."""
    return pl.col("as_of").cast(pl.Int32) - pl.col(days).cast(pl.List(pl.Int32))


def _compared(measured: pl.Expr, condition: Measure) -> pl.Expr:
    match condition.value:
        case (low, high):
            return measured.is_between(low, high)
        case int(value):
            return measured >= value if condition.op == ">=" else measured <= value


def _when(condition: When) -> pl.Expr:
    days = pl.col(column_of(condition.behaviour)).list
    day = days.min() if condition.which == "first" else days.get(0, null_on_oob=True)
    match condition.op, condition.value:
        case "within_days", int(number):
            return (day > cut(number)) & (day <= pl.col("as_of"))
        case "before_days", int(number):
            return day <= cut(number)
        case "on_or_after", moment:
            return day >= pl.lit(moment)
        case _, moment:
            return day <= pl.lit(moment)


def _periods(condition: InPeriods) -> pl.Expr:
    ages = _periods_ago(column_of(condition.behaviour), condition.unit)
    return ages.list.filter(pl.element() < condition.of_last).list.n_unique() >= condition.least


def _periods_ago(days: str, unit: Unit) -> pl.Expr:
    """How many periods before the running one each day of a list lies: days, spans of seven days, calendar months."""
    if unit == "month":
        numbers = pl.col(days).list.eval(pl.element().dt.year() * 12 + pl.element().dt.month())
        return (pl.col("as_of").dt.year() * 12 + pl.col("as_of").dt.month()) - numbers
    return _ages(days) // (1 if unit == "day" else 7)


def _changed(condition: Changed) -> pl.Expr:
    name, span = column_of(condition.behaviour), condition.days
    days = pl.col(name).list
    if condition.change == "stopped":
        latest = days.get(0, null_on_oob=True)
        return (latest > cut(2 * span)) & (latest <= cut(span))
    before = _ages(name).list.filter((pl.element() >= span) & (pl.element() < 2 * span)).list.len() > 0
    return (days.max() > cut(span)) & ~before & (days.min() <= cut(2 * span))
