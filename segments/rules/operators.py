"""Which operators each kind of attribute has, and what each compares with. `parse` checks against these tables."""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from segments.customers import BY_NAME
from segments.customers import Attribute as Column
from segments.rules.computed import COMPUTED
from segments.rules.kind import Kind as Kind
from segments.rules.words import TRAIT_PREFIX


class Operand(StrEnum):
    """What stands to the right of an operator."""

    NOTHING = "nothing"
    NUMBER = "number"
    NUMBERS = "numbers"
    """Two whole numbers, lower and upper, both included."""
    TEXT = "text"
    TEXTS = "texts"
    DAYS = "days"
    """A whole number of days before the as-of day, or from it on."""
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its name in JSON, what it compares with, its labels in a form."""

    op: str
    operand: Operand
    ja: str
    en: str


OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.NUMBER: (
        Operator("=", Operand.NUMBER, "ちょうど", "is exactly"),
        Operator("!=", Operand.NUMBER, "でない", "is not"),
        Operator("<", Operand.NUMBER, "未満", "is less than"),
        Operator("<=", Operand.NUMBER, "以下", "is at most"),
        Operator(">", Operand.NUMBER, "より大きい", "is more than"),
        Operator(">=", Operand.NUMBER, "以上", "is at least"),
        Operator("between", Operand.NUMBERS, "範囲内", "is between"),
    ),
    Kind.TEXT: (
        Operator("is", Operand.TEXT, "である", "is"),
        Operator("is_not", Operand.TEXT, "でない", "is not"),
        Operator("in", Operand.TEXTS, "いずれか", "is one of"),
        Operator("not_in", Operand.TEXTS, "いずれでもない", "is none of"),
        Operator("contains", Operand.TEXT, "を含む", "contains"),
        Operator("not_contains", Operand.TEXT, "を含まない", "does not contain"),
        Operator("starts_with", Operand.TEXT, "で始まる", "starts with"),
        Operator("is_set", Operand.NOTHING, "記録がある", "is known"),
        Operator("is_not_set", Operand.NOTHING, "記録がない", "is not known"),
    ),
    Kind.BOOLEAN: (
        Operator("is_true", Operand.NOTHING, "はい", "yes"),
        Operator("is_false", Operand.NOTHING, "いいえ", "no"),
    ),
    Kind.DATE: (
        Operator("within_days", Operand.DAYS, "過去…日以内", "in the last … days"),
        Operator("before_days", Operand.DAYS, "…日以上前", "at least … days ago"),
        Operator("next_days", Operand.DAYS, "今日から…日以内", "in the next … days"),
        Operator("on_or_after", Operand.DATE, "以降", "on or after"),
        Operator("on_or_before", Operand.DATE, "以前", "on or before"),
        Operator("is_set", Operand.NOTHING, "記録がある", "is known"),
        Operator("is_not_set", Operand.NOTHING, "記録がない", "is not known"),
    ),
    Kind.LIST: (
        Operator("has_any", Operand.TEXTS, "いずれかを含む", "has one of"),
        Operator("has_all", Operand.TEXTS, "すべてを含む", "has all of"),
        Operator("has_none", Operand.TEXTS, "いずれも含まない", "has none of"),
        Operator("is_set", Operand.NOTHING, "記録がある", "is known"),
        Operator("is_not_set", Operand.NOTHING, "記録がない", "is not known"),
    ),
}

EVENT_OPERATORS: tuple[Operator, ...] = (
    Operator("at_least", Operand.NUMBER, "回以上", "at least"),
    Operator("at_most", Operand.NUMBER, "回以下", "at most"),
    Operator("exactly", Operand.NUMBER, "ちょうど…回", "exactly"),
)

AMOUNT_OPERATORS: tuple[Operator, ...] = tuple(
    operator for operator in OPERATORS[Kind.NUMBER] if operator.op in (">=", "<=", "between")
)
"""What the sum or the largest of amounts is compared by."""

WHEN_OPERATORS: tuple[Operator, ...] = tuple(
    operator
    for operator in OPERATORS[Kind.DATE]
    if operator.op in ("within_days", "before_days", "on_or_after", "on_or_before")
)
"""What the first or last day of a behaviour is compared by."""

OPPOSITES = {
    "!=": "=",
    "is_not": "is",
    "not_in": "in",
    "not_contains": "contains",
    "has_none": "has_any",
    "is_false": "is_true",
    "is_not_set": "is_set",
}
"""Negative operators and what each denies, for missing values too."""

UNASKED = frozenset({"customer_id", "as_of", "birth_day"})
"""Columns that identify a row rather than describe a person, or say nothing by themselves; no rule may ask for them."""


def kind_of(column: Column) -> Kind:
    """The kind of a column of the customer frame."""
    if column.dtype.is_integer():
        return Kind.NUMBER
    return {pl.String(): Kind.TEXT, pl.Boolean(): Kind.BOOLEAN, pl.Date(): Kind.DATE}[column.dtype]


KINDS: dict[str, Kind] = {
    **{name: kind_of(column) for name, column in BY_NAME.items() if name not in UNASKED},
    **{name: one.kind for name, one in COMPUTED.items()},
}
"""Kind of every attribute a rule may ask for, in the order of the frame; traits are each shop's own."""

_KIND_OF_OPERATOR = {operator.op: kind for kind, operators in OPERATORS.items() for operator in operators}
"""For traits, which have a kind only together with the question; ``is_set`` is the same of all kinds."""


def is_trait(name: str) -> bool:
    """Whether an attribute is a free trait of a person, named by the shop."""
    return name.startswith(TRAIT_PREFIX)


def kind_asked(name: str, op: str) -> Kind:
    """The kind as which a condition asks an attribute; a trait's follows from the operator."""
    return KINDS[name] if name in KINDS else _KIND_OF_OPERATOR[op]
