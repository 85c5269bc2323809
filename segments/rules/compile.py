"""A rule as one Polars expression over the customer frame.

The expression is true or false for every row, never null. Relative periods are counted back from the row's own
``as_of``, so the same expression answers for today and for any frame rebuilt as of an earlier day. The frame
holds nothing that happened later than ``as_of``; days that are to come are its own (``next_coupon_expiry``).
"""

from collections.abc import Callable, Collection
from typing import Any

import polars as pl

from segments.rules.behaviour import column_of
from segments.rules.operators import OPPOSITES
from segments.rules.rule import All, Any_, Attribute, Did, Not, Rule, Within


def compile_rule(rule: Rule, columns: Collection[str]) -> pl.Expr:
    """The expression that is true for the customers who meet ``rule``.

    Args:
        rule: a parsed rule.
        columns: names of the frame's columns; an event whose list column is absent never occurred.
    """
    match rule:
        case All(rules):
            return pl.all_horizontal([pl.lit(value=True), *(compile_rule(part, columns) for part in rules)])
        case Any_(rules):
            return pl.any_horizontal([compile_rule(part, columns) for part in rules])
        case Not(part):
            return ~compile_rule(part, columns)
        case Attribute():
            return _attribute(rule)
        case Did():
            return _did(rule, columns)
        case _:
            raise TypeError(f"{rule} cannot be compiled")


def _attribute(condition: Attribute) -> pl.Expr:
    """Positive operators are false of a missing value; negative ones are their opposites, so true of it."""
    if condition.op in OPPOSITES:
        return ~_attribute(Attribute(condition.name, OPPOSITES[condition.op], condition.value))
    return _COMPARISONS[condition.op](pl.col(condition.name), condition.value).fill_null(value=False)


def _cut(days: int) -> pl.Expr:
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
    name = column_of(condition.behaviour)
    if name not in columns:
        return pl.lit(value=False)
    day = pl.col(name).list.get(times - 1, null_on_oob=True)
    days = condition.window.days if isinstance(condition.window, Within) else None
    if days is None:
        return day.is_not_null()
    return (day > _cut(days)).fill_null(value=False)


_COMPARISONS: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "=": lambda column, value: column == value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "between": lambda column, value: column.is_between(value[0], value[1]),
    "is": lambda column, value: column == pl.lit(value),
    "in": lambda column, value: column.is_in(list(value)),
    "contains": lambda column, value: column.str.contains(value, literal=True),
    "starts_with": lambda column, value: column.str.starts_with(value),
    "is_true": lambda column, _: column,
    "is_set": lambda column, _: column.is_not_null(),
    "within_days": lambda column, value: (column > _cut(value)) & (column <= pl.col("as_of")),
    "before_days": lambda column, value: column <= _cut(value),
    "next_days": lambda column, value: (column >= pl.col("as_of")) & (column < _cut(-value)),
    "on_or_after": lambda column, value: column >= pl.lit(value),
    "on_or_before": lambda column, value: column <= pl.lit(value),
}
"""The positive operators; null where the column is."""
