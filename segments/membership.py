"""Who is in a segment, and who entered or left between two looks."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import polars as pl

from segments.ids import CustomerId
from segments.rules.compile import compile_rule
from segments.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between two memberships."""

    entered: frozenset[CustomerId]
    left: frozenset[CustomerId]


def population(frame: pl.LazyFrame, *, exclude_test_accounts: bool) -> pl.LazyFrame:
    """The customers that count: everyone, or everyone but test accounts."""
    return frame.filter(counts(exclude_test_accounts=True)) if exclude_test_accounts else frame


def counts(*, exclude_test_accounts: bool) -> pl.Expr:
    """Whether a row of the frame is a customer that counts.

    To be asked beside a rule rather than before it: a filter copies every list that the rule reads, of nearly everyone.
    """
    return ~pl.col("test_account").fill_null(value=False) if exclude_test_accounts else pl.lit(value=True)


def members(frame: pl.LazyFrame, rule: Rule) -> pl.LazyFrame:
    """The rows of the customer frame that meet ``rule``, all columns kept, nothing read yet."""
    return frame.filter(compile_rule(rule, frame.collect_schema()))


def diff(before: AbstractSet[CustomerId], after: AbstractSet[CustomerId]) -> Change:
    """Who entered and who left from ``before`` to ``after``."""
    return Change(entered=frozenset(after - before), left=frozenset(before - after))
