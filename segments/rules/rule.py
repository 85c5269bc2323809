"""A segment rule as a value: groups, conditions on attributes, on behaviour, and on other lists of people.

The tree says only what is asked. `parse` makes it from JSON and is the one place that checks it; `compile`,
`describe` and `explain` trust it. Missing values never make a condition unknown: every condition is true or
false of every customer, and a negative operator is the exact opposite of its positive one.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from segments.rules.behaviour import Behaviour

Value: TypeAlias = int | str | date | tuple[int, int] | tuple[str, ...] | None
"""What an attribute is compared with: a number, a text, a day, both ends of a range, a list of texts, or nothing."""

Unit: TypeAlias = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A condition on one column of the customer frame: ``orders = 1``.

    Attributes:
        name: a column of `segments.customers.SCHEMA`, a computed attribute, or ``trait:<name>``.
        op: one of the operators of the column's kind, see `operators`.
        value: what the operator compares with; a number of days for ``within_days`` and ``before_days``.
    """

    name: str
    op: str
    value: Value = None


@dataclass(frozen=True, slots=True)
class Within:
    """The last so many of a unit: whole business days, the as-of day being the last, or moments counted back from now."""

    number: int
    unit: Literal["days", "weeks", "hours", "minutes"] = "days"

    @property
    def days(self) -> int | None:
        """How many business days; None for hours and minutes."""
        return self.number * {"days": 1, "weeks": 7}[self.unit] if self.unit in ("days", "weeks") else None

    @property
    def minutes(self) -> int | None:
        """How many minutes; None for days and weeks."""
        return self.number * {"hours": 60, "minutes": 1}[self.unit] if self.unit in ("hours", "minutes") else None


@dataclass(frozen=True, slots=True)
class Between:
    """From one business day to another, both included; None: open on that side."""

    first: date | None = None
    last: date | None = None


Window: TypeAlias = Within | Between | None
"""When occurrences count; None: ever. The behaviour of a condition carries ``minutes`` and ``until`` that follow from it."""


@dataclass(frozen=True, slots=True)
class Did:
    """How often something happened.

    Attributes:
        behaviour: what.
        op: ``at_least``, ``at_most`` or ``exactly``. "Did not" is ``at_most`` 0.
        times: how many occurrences.
        window: when.
    """

    behaviour: Behaviour
    op: str
    times: int
    window: Window = None


@dataclass(frozen=True, slots=True)
class Measure:
    """The sum or the largest of the amounts of what happened. Of nothing the sum is 0, and there is no largest.

    Attributes:
        behaviour: keeps amounts.
        measure: ``sum`` or ``max``.
        op: ``>=``, ``<=`` or ``between``.
        value: minor units, or points; both ends for ``between``.
    """

    behaviour: Behaviour
    measure: Literal["sum", "max"]
    op: str
    value: int | tuple[int, int]
    window: Window = None


@dataclass(frozen=True, slots=True)
class When:
    """On which day something happened for the first or the last time.

    Attributes:
        which: ``first`` or ``last``.
        op: ``within_days``, ``before_days``, ``on_or_after`` or ``on_or_before``.
        value: a number of days, or a day.
    """

    behaviour: Behaviour
    which: Literal["first", "last"]
    op: str
    value: int | date


@dataclass(frozen=True, slots=True)
class InPeriods:
    """Did it in at least ``least`` of the last ``of_last`` days, weeks or months, the running one being the last."""

    behaviour: Behaviour
    least: int
    of_last: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Changed:
    """Did it in one span of days and not in the other.

    ``stopped``: in the ``days`` before the last ``days``, and not in these. ``came_back``: in the last ``days``, not in the
    ``days`` before them, and some time earlier.
    """

    behaviour: Behaviour
    change: Literal["stopped", "came_back"]
    days: int


@dataclass(frozen=True, slots=True)
class InSegment:
    """Belongs to another segment.

    Attributes:
        rule: that segment's rule, once `segments.rules.references.resolve` has put it there.
    """

    segment_id: int
    rule: "Rule | None" = field(default=None)


@dataclass(frozen=True, slots=True)
class InList:
    """Stands on a static list."""

    list_id: int


@dataclass(frozen=True, slots=True)
class Share:
    """A stable random share: who falls between two marks, each person always on the same spot for the same salt.

    Attributes:
        first: the lower mark in hundredths of a percent, included.
        last: the upper mark in hundredths of a percent, not included.
        salt: another one draws anew.
    """

    first: int
    last: int
    salt: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds. Without parts it is everyone."""

    rules: "tuple[Rule, ...]"


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - `Any` alone would hide typing.Any from readers
    """At least one part holds."""

    rules: "tuple[Rule, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    rule: "Rule"


Behavioural: TypeAlias = Did | Measure | When | InPeriods | Changed
"""Conditions on behaviour."""

BEHAVIOURAL = (Did, Measure, When, InPeriods, Changed)
"""Their types."""

Condition: TypeAlias = Attribute | Behavioural | InSegment | InList | Share

Rule: TypeAlias = All | Any_ | Not | Condition

EVERYONE = All(())
"""The rule that every customer meets."""


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """The rules directly inside: of a group, of a denial, of another segment that is resolved."""
    match rule:
        case All(rules) | Any_(rules):
            return rules
        case Not(part):
            return (part,)
        case InSegment(_, part):
            return () if part is None else (part,)
        case _:
            return ()


def conditions_of(rule: Rule) -> tuple[Condition, ...]:
    """Every condition of a rule, in order, those of resolved segments with it."""
    own = () if isinstance(rule, All | Any_ | Not) else (rule,)
    return (*own, *(condition for part in parts_of(rule) for condition in conditions_of(part)))
