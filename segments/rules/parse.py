"""JSON ⇄ rule, strictly: what parses can be compiled, described and explained without another check.

Every refusal is a `RuleError` that names the place (``path``) and says what is allowed there.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeAlias

from segments.customers import NEWEST
from segments.errors import RuleError
from segments.rules.behaviour import Behaviour
from segments.rules.operators import EVENT_OPERATORS, KINDS, OPERATORS, Operand, Operator
from segments.rules.rule import All, Any_, Attribute, Did, Not, Rule, Value, Within

Path: TypeAlias = tuple[str | int, ...]

DEEPEST = 10
"""How many levels a rule may have; a single condition has one."""
MOST_CONDITIONS = 200
LONGEST_TEXT = 200
MOST_TEXTS = 500
MOST_DAYS = 3650
"""The longest relative period, about ten years."""
LARGEST_NUMBER = 10**15

_SHAPES = (
    'a rule is one of {"all": [rules]}, {"any": [rules]}, {"not": rule}, '
    '{"attribute": name, "op": operator, "value": value}, {"event": name, "op": operator, "times": n, "days": d}'
)


def parse(document: Any) -> Rule:
    """The rule that a decoded JSON document states.

    Raises:
        RuleError: where the document is not a rule; the message says what would be right.
    """
    rule = _rule(document, ())
    if (conditions := count_conditions(rule)) > MOST_CONDITIONS:
        raise RuleError(f"the rule has {conditions} conditions; at most {MOST_CONDITIONS} are allowed")
    return rule


def dump(rule: Rule) -> dict[str, Any]:
    """The rule as a JSON document; ``parse(dump(rule)) == rule``."""
    match rule:
        case All(rules):
            return {"all": [dump(part) for part in rules]}
        case Any_(rules):
            return {"any": [dump(part) for part in rules]}
        case Not(part):
            return {"not": dump(part)}
        case Attribute(name, op, value):
            comparison = {} if value is None else {"value": _dump_value(value)}
            return {"attribute": name, "op": op, **comparison}
        case Did(behaviour, op, times, window):
            period = {window.unit: window.number} if isinstance(window, Within) else {}
            return {"event": behaviour.event, "op": op, "times": times, **period}
        case _:
            raise TypeError(f"no JSON for {rule}")


def count_conditions(rule: Rule) -> int:
    """How many attribute and behaviour conditions a rule holds."""
    match rule:
        case All(rules) | Any_(rules):
            return sum(count_conditions(part) for part in rules)
        case Not(part):
            return count_conditions(part)
        case _:
            return 1


def place_of(error: RuleError) -> str:
    """Where in the rule the fault is, as people write it: ``all[1].value``; empty at the root."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.path)
    return "".join(steps).removeprefix(".")


def _dump_value(value: Value) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _rule(document: Any, path: Path) -> Rule:
    if sum(step in ("all", "any", "not") for step in path) >= DEEPEST:
        raise RuleError(f"the rule is nested more than {DEEPEST} levels deep; flatten its groups", path)
    if not isinstance(document, dict):
        raise RuleError(f"{_shown(document)} is not a rule; {_SHAPES}", path)
    match next((key for key in ("all", "any", "not", "attribute", "event") if key in document), None):
        case "all":
            return All(_group(document, "all", path))
        case "any":
            return Any_(_group(document, "any", path))
        case "not":
            _only(document, {"not"}, path)
            return Not(_rule(document["not"], (*path, "not")))
        case "attribute":
            return _attribute(document, path)
        case "event":
            return _did(document, path)
        case _:
            raise RuleError(f"{_shown(document)} is not a rule; {_SHAPES}", path)


def _group(document: dict[str, Any], key: str, path: Path) -> tuple[Rule, ...]:
    _only(document, {key}, path)
    parts = document[key]
    if not isinstance(parts, list):
        raise RuleError(f'"{key}" takes a list of rules, not {_shown(parts)}', (*path, key))
    if key == "any" and not parts:
        raise RuleError('"any" needs at least one rule; for everyone write {"all": []}', (*path, key))
    return tuple(_rule(part, (*path, key, place)) for place, part in enumerate(parts))


def _attribute(document: dict[str, Any], path: Path) -> Attribute:
    _only(document, {"attribute", "op", "value"}, path)
    name = document["attribute"]
    if not isinstance(name, str) or name not in KINDS:
        raise RuleError(f"{_shown(name)} is no attribute; there are {_listed(KINDS)}", (*path, "attribute"))
    operator = _operator(document, OPERATORS[KINDS[name]], f'the {KINDS[name]} attribute "{name}"', path)
    return Attribute(name, operator.op, _value(document.get("value"), operator, path))


def _did(document: dict[str, Any], path: Path) -> Did:
    _only(document, {"event", "op", "times", "days"}, path)
    event = _text(document["event"], "an event name", (*path, "event"))
    operator = _operator(document, EVENT_OPERATORS, "an event", path)
    least, most = (1, NEWEST) if operator.op == "at_least" else (0, NEWEST - 1)
    times = _whole(document.get("times"), least, most, f'"times" of {operator.op}', (*path, "times"))
    days = document.get("days")
    if days is not None:
        days = _whole(days, 1, MOST_DAYS, '"days"', (*path, "days"))
    return Did(Behaviour(event), operator.op, times, None if days is None else Within(days))


def _operator(document: dict[str, Any], allowed: tuple[Operator, ...], subject: str, path: Path) -> Operator:
    asked = document.get("op")
    found = next((operator for operator in allowed if operator.op == asked), None)
    if found is None:
        problem = f"{_shown(asked)} is no operator of {subject}" if "op" in document else '"op" is missing'
        names = _listed(operator.op for operator in allowed)
        raise RuleError(f"{problem}; {subject} has {names}", (*path, "op"))
    return found


def _value(value: Any, operator: Operator, path: Path) -> Value:
    place = (*path, "value")
    if operator.operand is Operand.NOTHING:
        if value is not None:
            raise RuleError(f'"{operator.op}" takes no value; leave "value" out', place)
        return None
    return _READERS[operator.operand](value, f'the value of "{operator.op}"', place)


def _number(value: Any, subject: str, path: Path) -> int:
    return _whole(value, -LARGEST_NUMBER, LARGEST_NUMBER, subject, path)


def _whole(value: Any, least: int, most: int, subject: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RuleError(f"{subject} is a whole number from {least} to {most}, not {_shown(value)}", path)
    return value


def _days(value: Any, subject: str, path: Path) -> int:
    return _whole(value, 1, MOST_DAYS, subject, path)


def _range(value: Any, subject: str, path: Path) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a range has two ends
        raise RuleError(f"{subject} is [lowest, highest], both included, not {_shown(value)}", path)
    low, high = (_number(end, subject, (*path, place)) for place, end in enumerate(value))
    if high < low:
        raise RuleError(f"{subject} begins at {low} but ends at {high}; write the lower number first", path)
    return low, high


def _text(value: Any, subject: str, path: Path) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or "\0" in value:
        raise RuleError(f"{subject} is a text of 1 to {LONGEST_TEXT} characters, not {_shown(value)}", path)
    return value


def _texts(value: Any, subject: str, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_TEXTS:
        raise RuleError(f"{subject} is a list of 1 to {MOST_TEXTS} texts, not {_shown(value)}", path)
    return tuple(_text(entry, f"each entry of {subject}", (*path, place)) for place, entry in enumerate(value))


def _date(value: Any, subject: str, path: Path) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise RuleError(f'{subject} is a day like "2026-01-31", not {_shown(value)}', path)


_READERS: dict[Operand, Callable[[Any, str, Path], Value]] = {
    Operand.NUMBER: _number,
    Operand.NUMBERS: _range,
    Operand.TEXT: _text,
    Operand.TEXTS: _texts,
    Operand.DAYS: _days,
    Operand.DATE: _date,
}


def _only(document: dict[str, Any], allowed: set[str], path: Path) -> None:
    if extra := sorted(str(key) for key in document if key not in allowed):
        raise RuleError(f"{_listed(extra)} cannot stand here; this kind of rule has {_listed(sorted(allowed))}", path)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - a sentence stays readable
