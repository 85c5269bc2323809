"""Readers of the values inside a rule's JSON: each gives the value or says what would be right, and where."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

from segments.errors import RuleError
from segments.rules.operators import Operand, Operator
from segments.rules.rule import Value

Path: TypeAlias = tuple[str | int, ...]

LONGEST_TEXT = 200
MOST_TEXTS = 500
MOST_DAYS = 3650
"""The longest relative period, about ten years."""
LARGEST_NUMBER = 10**15


def read_operator(document: Mapping[str, Any], allowed: tuple[Operator, ...], subject: str, path: Path) -> Operator:
    """The operator that ``op`` names."""
    asked = document.get("op")
    found = next((operator for operator in allowed if operator.op == asked), None)
    if found is None:
        problem = f"{shown(asked)} is no operator of {subject}" if "op" in document else '"op" is missing'
        names = listed(operator.op for operator in allowed)
        raise RuleError(f"{problem}; {subject} has {names}", (*path, "op"))
    return found


def read_value(value: Any, operator: Operator, path: Path) -> Value:
    """What the operator compares with."""
    place = (*path, "value")
    if operator.operand is Operand.NOTHING:
        if value is not None:
            raise RuleError(f'"{operator.op}" takes no value; leave "value" out', place)
        return None
    return _READERS[operator.operand](value, f'the value of "{operator.op}"', place)


def whole(value: Any, least: int, most: int, subject: str, path: Path) -> int:
    """A whole number in a range."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RuleError(f"{subject} is a whole number from {least} to {most}, not {shown(value)}", path)
    return value


def number(value: Any, subject: str, path: Path) -> int:
    """Any whole number."""
    return whole(value, -LARGEST_NUMBER, LARGEST_NUMBER, subject, path)


def number_range(value: Any, subject: str, path: Path) -> tuple[int, int]:
    """Two whole numbers, the lower one first."""
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a range has two ends
        raise RuleError(f"{subject} is [lowest, highest], both included, not {shown(value)}", path)
    low, high = (number(end, subject, (*path, place)) for place, end in enumerate(value))
    if high < low:
        raise RuleError(f"{subject} begins at {low} but ends at {high}; write the lower number first", path)
    return low, high


def text(value: Any, subject: str, path: Path) -> str:
    """A text that is not blank nor too long."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or "\0" in value:
        raise RuleError(f"{subject} is a text of 1 to {LONGEST_TEXT} characters, not {shown(value)}", path)
    return value


def texts(value: Any, subject: str, path: Path) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_TEXTS:
        raise RuleError(f"{subject} is a list of 1 to {MOST_TEXTS} texts, not {shown(value)}", path)
    return tuple(text(entry, f"each entry of {subject}", (*path, place)) for place, entry in enumerate(value))


def day(value: Any, subject: str, path: Path) -> date:
    """A calendar day in ISO form."""
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise RuleError(f'{subject} is a day like "2026-01-31", not {shown(value)}', path)


def _days(value: Any, subject: str, path: Path) -> int:
    return whole(value, 1, MOST_DAYS, subject, path)


_READERS: dict[Operand, Callable[[Any, str, Path], Value]] = {
    Operand.NUMBER: number,
    Operand.NUMBERS: number_range,
    Operand.TEXT: text,
    Operand.TEXTS: texts,
    Operand.DAYS: _days,
    Operand.DATE: day,
}


def only(document: Mapping[str, Any], allowed: Collection[str], path: Path, *, kind: str = "this kind of rule") -> None:
    """Refuses keys that cannot stand there."""
    if extra := sorted(str(key) for key in document if key not in allowed):
        raise RuleError(f"{listed(extra)} cannot stand here; {kind} has {listed(sorted(allowed))}", path)


def listed(names: Iterable[str]) -> str:
    """Names in one text."""
    return ", ".join(names)


def shown(value: Any) -> str:
    """A foreign value in a message, shortened."""
    written = repr(value) if not isinstance(value, str) else f'"{value}"'
    return written if len(written) <= 60 else f"{written[:57]}…"  # noqa: PLR2004 - a sentence stays readable
