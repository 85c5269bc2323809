"""A rule as one Polars expression over the customer frame.

The expression is true or false for every row, never null. Relative periods are counted back from the row's own
``as_of``, so the same expression answers for today and for any frame rebuilt as of an earlier day. The frame
holds nothing that happened later than ``as_of``; days that are to come are its own (``next_coupon_expiry``).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import polars as pl

from segments.rules.compile_behaviour import compile_behavioural, cut
from segments.rules.computed import COMPUTED, Computed
from segments.rules.operators import OPPOSITES, Kind, is_trait, kind_asked
from segments.rules.references import list_column
from segments.rules.rule import All, Any_, Attribute, Condition, InList, InSegment, Not, Rule, Share
from segments.rules.share import spot

_FALSE = pl.lit(value=False)


def compile_rule(rule: Rule, columns: Collection[str]) -> pl.Expr:
    """The expression that is true for the customers who meet ``rule``.

    Args:
        rule: a parsed rule, the segments that it asks for resolved (`segments.rules.references.resolve`).
        columns: names of the frame's columns, or better its schema, by which traits of another kind are told. A
            behaviour whose list column is absent never occurred; a trait whose column is absent is not known of anyone.
    """
    return combine(rule, lambda condition: _holds(condition, columns))


def combine(rule: Rule, holds: Callable[[Condition], pl.Expr]) -> pl.Expr:
    """The expression of a rule from those of its conditions; instead of a resolved segment stands its rule."""
    match rule:
        case All(rules):
            return pl.all_horizontal([pl.lit(value=True), *(combine(part, holds) for part in rules)])
        case Any_(rules):
            return pl.any_horizontal([combine(part, holds) for part in rules])
        case Not(part):
            return ~combine(part, holds)
        case InSegment(_, part) if part is not None:
            return combine(part, holds)
        case _:
            return holds(rule)


def _holds(condition: Condition, columns: Collection[str]) -> pl.Expr:
    match condition:
        case Attribute():
            return _attribute(condition, columns)
        case InSegment() | InList() | Share():
            return _belongs(condition, columns)
        case _:
            return compile_behavioural(condition, columns)


def _belongs(condition: InSegment | InList | Share, columns: Collection[str]) -> pl.Expr:
    match condition:
        case InSegment(segment_id):
            raise ValueError(f"the rule of segment {segment_id} is not resolved")
        case InList(list_id):
            name = list_column(list_id)
            return pl.col(name).fill_null(value=False) if name in columns else _FALSE
        case Share(first, last, salt):
            return spot(salt).is_between(first, last, closed="left")


def _attribute(condition: Attribute, columns: Collection[str]) -> pl.Expr:
    """Positive operators are false of a missing value; negative ones are their opposites, so true of it."""
    name, op = condition.name, condition.op
    if op in OPPOSITES:
        return ~_attribute(Attribute(name, OPPOSITES[op], condition.value), columns)
    if name in COMPUTED and COMPUTED[name].codes:
        return _coded(condition, COMPUTED[name])
    value = _trait(name, op, columns) if is_trait(name) else _known(name)
    return _FALSE if value is None else _COMPARISONS[op](value, condition.value).fill_null(value=False)


def _coded(condition: Attribute, computed: Computed) -> pl.Expr:
    """Of a text with few values those are found out that are asked for, instead of writing one for everybody."""
    codes = pl.DataFrame({"code": computed.codes}).with_row_index("place")
    asked = codes.filter(_COMPARISONS[condition.op](pl.col("code"), condition.value)).get_column("place")
    return computed.expression.is_in(asked.to_list()).fill_null(value=False)


def _known(name: str) -> pl.Expr:
    return COMPUTED[name].expression if name in COMPUTED else pl.col(name)


def _trait(name: str, op: str, columns: Collection[str]) -> pl.Expr | None:
    """A trait as the kind that the operator asks; None where nobody has it as that kind.

    What a shop sends under a name may change its type from one day to the next: rules go on to hold of what fits.
    """
    if name not in columns:
        return None
    column, kind = pl.col(name), kind_asked(name, op)
    if op == "is_set":
        return column
    dtype = columns[name] if isinstance(columns, Mapping) else None
    if dtype is not None and (isinstance(dtype, pl.List) or dtype == pl.List) != (kind is Kind.LIST):
        return None
    return column if kind is Kind.LIST else _READ_AS[kind](column.cast(pl.String))


_READ_AS: dict[Kind, Callable[[pl.Expr], pl.Expr]] = {
    Kind.NUMBER: lambda text: text.cast(pl.Float64, strict=False),
    Kind.TEXT: lambda text: text,
    Kind.BOOLEAN: lambda text: text.str.to_lowercase() == "true",
    Kind.DATE: lambda text: text.str.head(10).str.to_date("%Y-%m-%d", strict=False),
}


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
    "has_any": lambda column, value: pl.any_horizontal([column.list.contains(pl.lit(one)) for one in value]),
    "has_all": lambda column, value: pl.all_horizontal([column.list.contains(pl.lit(one)) for one in value]),
    "is_true": lambda column, _: column,
    "is_set": lambda column, _: column.is_not_null(),
    "within_days": lambda column, value: (column > cut(value)) & (column <= pl.col("as_of")),
    "before_days": lambda column, value: column <= cut(value),
    "next_days": lambda column, value: (column >= pl.col("as_of")) & (column < cut(-value)),
    "on_or_after": lambda column, value: column >= pl.lit(value),
    "on_or_before": lambda column, value: column <= pl.lit(value),
}
"""The positive operators; null where the column is."""
