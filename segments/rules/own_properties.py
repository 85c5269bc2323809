"""A shop's own properties of events in rules: their names, what they can be compared with, and their filters as JSON.

A value is a text, read by each condition as what it asks for (`segments.event_properties`). Numbers are compared to four places:
inside they are whole ten-thousandths, so that sums are exact.
"""

from decimal import Decimal
from typing import Any

from segments.errors import RuleError
from segments.event_properties import LONGEST_VALUE, PLACES, may_be_kept, own_name
from segments.events import EventName
from segments.rules.operators import OPERATORS, Kind, Operand, Operator
from segments.rules.reading import Path, listed, only, shown, text, texts

_LARGEST = 10**12

OWN_OPERATORS: tuple[Operator, ...] = (
    *(each for each in OPERATORS[Kind.TEXT] if each.op in ("in", "not_in")),
    *(each for each in OPERATORS[Kind.LIST] if each.op == "has_all"),
    *(each for each in OPERATORS[Kind.TEXT] if each.op in ("contains", "not_contains", "starts_with")),
    *OPERATORS[Kind.NUMBER],
    *OPERATORS[Kind.BOOLEAN],
    *(each for each in OPERATORS[Kind.TEXT] if each.op in ("is_set", "is_not_set")),
)
"""What a property can be asked: as texts, as a number, as true or false, and whether it is there."""

_OPERANDS: dict[str, Operand] = {each.op: each.operand for each in OWN_OPERATORS}
_BARE: dict[str, Any] = {
    "is_true": True,
    "is_false": False,
    "is_set": {"is_set": True},
    "is_not_set": {"is_set": False},
}
_SAID = {True: "is_true", False: "is_false"}

OwnValue = tuple[str, ...] | int | tuple[int, int]


def check_own_name(name: str, event: str, path: Path) -> None:
    """Make sure that values of a property are kept.

    Raises:
        RuleError: they never are, so that nobody would ever be found.
    """
    if not may_be_kept(own_name(name), of_product=event == EventName.PRODUCT_VIEWED):
        kept = "properties that say who somebody is or that people type themselves are not kept for segments"
        raise RuleError(f"{shown(own_name(name))} cannot be asked: {kept}", path)


def read_filter(name: str, value: Any, path: Path) -> tuple[str, OwnValue]:
    """The operator and the value of a filter on an own property: ``"R1"``, ``["R1", "R2"]``, ``20``, ``true``, ``{">=": 20}``.

    Raises:
        RuleError: where it is none; the message says what would be right.
    """
    subject = f'the value of "{name}"'
    if isinstance(value, bool):
        return _SAID[value], ()
    if isinstance(value, int | float):
        return "=", read_number(value, subject, path)
    if not isinstance(value, dict):
        return "in", _texts(value, subject, path)
    asked = [each.op for each in OWN_OPERATORS if each.operand is not Operand.NOTHING] + ["is_set"]
    only(value, asked, path, kind=f'a filter on "{name}"')
    if len(value) != 1:
        raise RuleError(f'a filter on "{name}" has one of {listed(asked)}', path)
    ((op, given),) = value.items()
    return _read(op, given, (*path, op))


def _read(op: str, value: Any, path: Path) -> tuple[str, OwnValue]:
    subject = f'the value of "{op}"'
    if op == "is_set":
        if not isinstance(value, bool):
            raise RuleError(f'"is_set" is true or false, not {shown(value)}', path)
        return ("is_set" if value else "is_not_set"), ()
    match _OPERANDS[op]:
        case Operand.NUMBER:
            return op, read_number(value, subject, path)
        case Operand.NUMBERS:
            return op, read_range(value, subject, path)
        case Operand.TEXT:
            return op, (_text(value, subject, path),)
        case _:
            return op, _texts(value, subject, path)


def _texts(value: Any, subject: str, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        return (_text(value, subject, path),)
    read = texts(value, subject, path)
    # The same texts in another order are the same question.
    return tuple(sorted({_text(each, subject, (*path, place)) for place, each in enumerate(read)}))


def _text(value: Any, subject: str, path: Path) -> str:
    read = text(value, subject, path)
    if len(read) > LONGEST_VALUE:
        raise RuleError(f"{subject} has at most {LONGEST_VALUE} characters: longer texts are not kept", path)
    return read


def read_number(value: Any, subject: str, path: Path) -> int:
    """A number as whole ten-thousandths.

    Raises:
        RuleError: it is no number, too large, or has more places.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        scaled = Decimal(str(value)).scaleb(PLACES)
        if scaled == scaled.to_integral_value():
            return int(scaled)
    raise RuleError(f"{subject} is a number with at most {PLACES} decimals, not {shown(value)}", path)


def read_range(value: Any, subject: str, path: Path) -> tuple[int, int]:
    """Two numbers as whole ten-thousandths, the lower one first.

    Raises:
        RuleError: they are not.
    """
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a range has two ends
        raise RuleError(f"{subject} is [lowest, highest], both included, not {shown(value)}", path)
    low, high = (read_number(end, subject, (*path, place)) for place, end in enumerate(value))
    if high < low:
        raise RuleError(f"{subject} begins above its end; write the lower number first", path)
    return low, high


def written_number(scaled: int) -> int | float:
    """The number of whole ten-thousandths, as JSON has it."""
    number = Decimal(scaled).scaleb(-PLACES)
    return int(number) if number == number.to_integral_value() else float(number)


def write_filter(op: str, value: OwnValue) -> Any:
    """The JSON of a filter; the inverse of `read_filter`."""
    if op in _BARE:
        return _BARE[op]
    given = [
        written_number(one) if isinstance(one, int) else one
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    one = given[0] if _OPERANDS[op] in (Operand.NUMBER, Operand.TEXT) else given
    if op == "in":
        return given[0] if len(given) == 1 else given
    return one if op == "=" else {op: one}
