"""Options of a KPI that people write as a text of their own, and how it is read: filters on properties, and score thresholds.

Reading one needs no data, so a text that cannot be read is refused wherever it is given: before a figure is asked for, and
before it is kept every day.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from segments.errors import BadOption
from segments.event_properties import PLACES, is_own, may_be_kept, own_name
from segments.nearest import hint

_TEXTS = ("store", "category", "rank", "coupon_id", "platform")
_NUMBERS = ("amount", "score", "campaign_id")
PROPERTIES = (*_TEXTS, *_NUMBERS)
"""What may be asked about."""

_PART = re.compile(r"\s*(property:[^=!<>]+?|\w+)\s*(!=|>=|<=|=|>|<)\s*(.+?)\s*", re.ASCII | re.DOTALL)
_LIMITS = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; a property that the event does not have never satisfies one.

    Attributes:
        name: one of `PROPERTIES`, or ``property:`` and the name of one of the shop's own.
        value: a text, or a whole number; of own properties compared by size in ten-thousandths.
    """

    name: str
    operator: str
    value: str | int

    @property
    def is_own(self) -> bool:
        """Whether it is about a shop's own property."""
        return is_own(self.name)


def read_conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a filter such as ``store=S1, amount>=1000``; none for an empty text.

    Raises:
        BadOption: it cannot be read, names a property there is none of, or compares a text by size.
    """
    return tuple(_condition(part) for part in text.split(",")) if text.strip() else ()


def _condition(part: str) -> Condition:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadOption(f"a filter reads like store=S1 or amount>=1000, not {part.strip()!r}")
    name, compare, value = found.groups()
    if is_own(name):
        return _own(name, compare, value)
    if name not in PROPERTIES:
        raise BadOption(f"events have no property {name}; {hint(name, PROPERTIES)}")
    if name in _TEXTS:
        if compare not in {"=", "!="}:
            raise BadOption(f"{name} is a text: it is compared by = or !=, not {compare}")
        return Condition(name, compare, value)
    if not re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
        raise BadOption(f"{name} is compared with a whole number, not {value!r}")
    return Condition(name, compare, int(value))


def _own(name: str, compare: str, value: str) -> Condition:
    if not may_be_kept(own_name(name), of_product=True):
        raise BadOption(
            f"{own_name(name)!r} is not kept for figures: it says who somebody is, or people type it themselves"
        )
    if compare in {"=", "!="}:
        return Condition(name, compare, value)
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,4})?", value, re.ASCII):
        raise BadOption(
            f"{own_name(name)} is compared by size with a number of at most {PLACES} decimals, not {value!r}"
        )
    return Condition(name, compare, int(Decimal(value).scaleb(PLACES)))


def read_limits(text: str) -> list[int]:
    """Four thresholds from a text such as ``30,60,90,180``.

    Raises:
        BadOption: they are not four whole numbers, each above the one before.
    """
    try:
        limits = [int(part) for part in text.split(",")]
    except ValueError:
        limits = []
    if len(limits) != _LIMITS or any(high <= low for low, high in pairwise(limits)):
        sentence = f"thresholds are four rising whole numbers such as 30,60,90,180, not {text!r}"
        raise BadOption(sentence, code="bad_thresholds")
    return limits
