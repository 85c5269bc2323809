"""Of whom a rule holds whatever the conditions say that are not answered yet, and of whom it may hold."""

from collections.abc import Callable

import polars as pl

from segments.rules.rule import All, Any_, Condition, InSegment, Not, Rule

_NOBODY, _EVERYONE = pl.lit(value=False), pl.lit(value=True)


def bounds(rule: Rule, holds: Callable[[Condition], pl.Expr | None]) -> tuple[pl.Expr, pl.Expr]:
    """Of whom a rule holds for certain, and of whom it may hold.

    Args:
        rule: a resolved rule.
        holds: the expression of a condition, never null; None where it is not answered.
    """
    match rule:
        case All(rules):
            certain, possible = _each(rules, holds, _EVERYONE)
            return pl.all_horizontal(certain), pl.all_horizontal(possible)
        case Any_(rules):
            certain, possible = _each(rules, holds, _NOBODY)
            return pl.any_horizontal(certain), pl.any_horizontal(possible)
        case Not(part):
            certain_not, possible_not = bounds(part, holds)
            return ~possible_not, ~certain_not
        case InSegment(_, part) if part is not None:
            return bounds(part, holds)
        case _:
            answer = holds(rule)
            return (_NOBODY, _EVERYONE) if answer is None else (answer, answer)


def _each(
    rules: tuple[Rule, ...], holds: Callable[[Condition], pl.Expr | None], neutral: pl.Expr
) -> tuple[list[pl.Expr], list[pl.Expr]]:
    both = [bounds(part, holds) for part in rules]
    return [neutral, *(certain for certain, _ in both)], [neutral, *(possible for _, possible in both)]
