"""A segment rule as a value: groups, attribute conditions and behaviour conditions.

The tree says only what is asked. `parse` makes it from JSON and is the one place that checks it; `compile`,
`describe` and `explain` trust it. Missing values never make a condition unknown: every condition is true or
false of every customer, and a negative operator is the exact opposite of its positive one.
"""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Value: TypeAlias = int | str | date | tuple[int, int] | tuple[str, ...] | None
"""What an attribute is compared with: a number, a text, a day, both ends of a range, a list of texts, or nothing."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A condition on one column of the customer frame: ``orders = 1``.

    Attributes:
        name: a column of `segments.customers.SCHEMA`.
        op: one of the operators of the column's kind, see `operators`.
        value: what the operator compares with; a number of days for ``within_days`` and ``before_days``.
    """

    name: str
    op: str
    value: Value = None


@dataclass(frozen=True, slots=True)
class Did:
    """A condition on behaviour: how often an event occurred in the last days, or ever.

    Attributes:
        event: the event's name; names outside the vocabulary are custom events.
        op: ``at_least``, ``at_most`` or ``exactly``. "Did not" is ``at_most`` 0.
        times: how many occurrences.
        days: only occurrences of the last so many business days count, the as-of day being the last; None: ever.
    """

    event: str
    op: str
    times: int
    days: int | None = None


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


Rule: TypeAlias = All | Any_ | Not | Attribute | Did

EVERYONE = All(())
"""The rule that every customer meets."""
