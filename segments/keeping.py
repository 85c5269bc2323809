"""Keeping memberships true: what else than a customer's own history moves a rule, and many rules in one pass."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum

import polars as pl

from segments.customers import ASKED
from segments.rules.behaviour import source_of
from segments.rules.compile import compile_rule
from segments.rules.references import every_behaviour
from segments.rules.rule import Attribute, Rule, conditions_of

REACHABLE = Attribute("reachable", "is_true")
"""The rule of those who can be reached by push: they are kept as the members of segments are."""


_OF_OTHERS = frozenset(column.name for column in ASKED)


class Moves(StrEnum):
    """When somebody may enter or leave of whom nothing new is known."""

    NEVER = "never"
    DAILY = "daily"
    """When the business day turns."""
    ALWAYS = "always"
    """Any time: periods in minutes, what is sent to people, and what follows from all others: nothing of it is in their history."""


class Cause(StrEnum):
    """Why somebody entered or left."""

    FACTS = "facts"
    TIME = "time"
    RULE = "rule"
    MERGE = "merge"


def moves(rule: Rule) -> Moves:
    """When everybody has to be looked at again for a resolved rule.

    What the compiled rule reads decides: where it does not look at the day of the row, another day changes nothing.
    """
    if any(one.minutes is not None or source_of(one) == "ledger" for one in every_behaviour(rule)):
        return Moves.ALWAYS
    if any(isinstance(one, Attribute) and one.name in _OF_OTHERS for one in conditions_of(rule)):
        return Moves.ALWAYS
    return Moves.DAILY if "as_of" in compile_rule(rule, _EVERY_COLUMN).meta.root_names() else Moves.NEVER


def moment(moving: Moves, *, day: date, now: datetime) -> str:
    """What of time a membership was worked out by; it has to be worked out anew when this is another one."""
    match moving:
        case Moves.NEVER:
            return ""
        case Moves.DAILY:
            return day.isoformat()
        case Moves.ALWAYS:
            return f"{day.isoformat()} {now:%Y-%m-%dT%H:%M}"


def holding(frame: pl.LazyFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    """``customer_id`` and, for the rule at each place, a boolean column of that name: one pass, what rules share once."""
    columns = frame.collect_schema()
    known = pl.col("customer_id").is_not_null()
    asked = [(compile_rule(rule, columns) & known).alias(str(place)) for place, rule in enumerate(rules)]
    return frame.select("customer_id", *asked)


def read_columns(frame: pl.LazyFrame, rules: Sequence[Rule]) -> list[str]:
    """The columns of the frame that `holding` reads."""
    columns = frame.collect_schema()
    read = {name for rule in rules for name in compile_rule(rule, columns).meta.root_names()}
    return [name for name in columns if name == "customer_id" or name in read]


class _EveryColumn(Collection[str]):
    """Has every column: a rule is to read all that it could."""

    def __contains__(self, column: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_EVERY_COLUMN = _EveryColumn()
