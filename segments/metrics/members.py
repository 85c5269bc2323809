"""Whose figures are asked for: the members of a segment, and groups of them."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

Belongs: TypeAlias = Callable[[pl.LazyFrame], pl.LazyFrame]
"""From pairs (``customer_id``, ``as_of``) to those whose customer was in the segment at the end of that day."""


@dataclass(frozen=True, slots=True)
class Part:
    """One group of people who are parted by a label, so that all groups together ask once who bears which.

    Attributes:
        key: names whom and by what they are parted.
        label: from pairs (``customer_id``, ``as_of``) to those of the people parted, with ``label`` at the end of that day.
        holds: over ``label``: whether it is this group's.
        everyone: nobody is left out: the groups hold also who is first seen after a window, so that they add up.
    """

    key: Hashable
    label: Callable[[pl.LazyFrame], pl.LazyFrame]
    holds: pl.Expr
    everyone: bool


@dataclass(frozen=True, slots=True)
class Members:
    """Whose figures are asked for.

    Attributes:
        key: names the segment, its version and the rule of time, and the part of it.
        belongs: who of pairs belonged.
        part: where they are one group of several.
        today: the same as a condition on the customer frame, where membership is looked at today.
    """

    key: Hashable
    belongs: Belongs
    part: Part | None = None
    today: pl.Expr | None = None
