"""What a KPI is: its name, its words, its options, and the figure it gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from segments.windows import Window

Words: TypeAlias = Mapping[str, str]
"""The same text in ``ja`` and ``en``."""

Options: TypeAlias = Mapping[str, int | str]
"""Options of a KPI, complete and checked."""


class Unit(StrEnum):
    """What a figure is counted in."""

    RATE = "rate"
    """A share of customers or pairs, 0 to 1."""
    PEOPLE = "people"
    """A number of customers; it has no denominator."""
    MONEY = "money"
    """Minor units of the shop's currency."""
    TIMES = "times"
    """A plain mean: days or purchases per customer."""
    DAYS = "days"
    """A number of days."""
    SCORE = "score"
    """Points on a scale of its own: NPS from -100 to 100."""
    MULTIPLE = "multiple"
    """A multiple (倍率), which may exceed 1."""
    NUMBER = "number"
    """A plain number: a count of things that are not customers, a parameter of a model."""


class AsOf(StrEnum):
    """When a customer's membership of a segment is looked at."""

    PERIOD = "period"
    """At the start of the window; who is first seen in it, at the end of that first day."""
    COHORT = "cohort"
    """At the end of the customer's own period 0."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice a KPI offers.

    ``choices`` where only these are allowed, else whole numbers from ``low`` to ``high``; a text without choices is the name
    of an event, or, where ``reads`` stands, what that can read: it raises `BadOption` where it cannot. ``events``: what a
    choice reads beside the KPI's own sources.
    """

    name: str
    ja: str
    en: str
    default: int | str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    reads: Callable[[str], object] | None = None
    events: Mapping[str, str] = field(default_factory=dict)


class Shape(StrEnum):
    """How a sheet is best drawn."""

    LIST = "list"
    """Rows that stand for themselves."""
    DISTRIBUTION = "distribution"
    """Groups that add up: the first column names the group, ``customers`` counts it."""
    MATRIX = "matrix"
    """From the first column to the second: the third holds the number."""
    FUNNEL = "funnel"
    """Steps in order, each a part of the one before it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet; ``unit`` None for a label or a day.

    Attributes:
        codes: what labels are called, where they are codes (states, groups) and not the shop's own words.
    """

    name: str
    ja: str
    en: str
    unit: Unit | None = None
    codes: Mapping[str, Words] = field(default_factory=dict)


Value: TypeAlias = int | float | str | bool | date | None
"""What stands in a sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The table that belongs to a figure: every row has a value for each column."""

    shape: Shape
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One KPI of the catalogue; the words are what pages show beside the figure.

    Attributes:
        sources: events it is made of; those that its options name come on top.
        sheet: the table that comes with the figure, without its rows; None where the figure says it all.
    """

    slug: str
    title: Words
    unit: Unit
    numerator: Words
    denominator: Words
    window: Words
    definition: Words
    sources: tuple[str, ...] = ()
    as_of: AsOf = AsOf.PERIOD
    options: tuple[Option, ...] = ()
    sheet: Sheet | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cohort in one period, or all complete cohorts together."""

    period: int
    numerator: int
    denominator: int
    incomplete: bool = False

    @property
    def value(self) -> float | None:
        """The share; None where nobody could have come back."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers who started in the period that begins on ``start``, and how many of them came back when."""

    start: date
    size: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Triangle:
    """Cohort × period; ``pooled`` adds up the cohorts that are complete for ``horizon``, so their sets are equal."""

    unit: str
    horizon: int
    cohorts: tuple[Cohort, ...]
    pooled: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure with what it was made of.

    Attributes:
        numerator: whole where it is counted; an expectation or a percentile need not be.
        denominator: None for a count, which divides by nothing.
        value: numerator ÷ denominator, or what the KPI's own formula gives; None where there is nothing to divide by or too
            little to say: pages show a dash, never 0 %.
        incomplete: something of it can still happen (集計中).
        interval: 95 % confidence interval of the value, where the KPI has one.
        notes: codes from `notes.NOTES`.
    """

    slug: str
    numerator: int | float
    denominator: int | None
    value: float | None
    window: Window
    incomplete: bool
    interval: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    table: Triangle | None = None
    sheet: Sheet | None = None
