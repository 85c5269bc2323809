"""JSON → rule, strictly: what parses can be compiled, described and explained without another check.

Every refusal is a `RuleError` that names the place (``path``) and says what is allowed there. `segments.rules.dump` is
the way back.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from segments.errors import RuleError
from segments.nearest import hint
from segments.rules.dump import dump
from segments.rules.operators import KINDS, OPERATORS, Kind, Operator, is_trait
from segments.rules.parse_behaviour import parse_behavioural
from segments.rules.reading import LARGEST_NUMBER, Path, only, read_operator, read_value, shown, text, whole
from segments.rules.rule import All, Any_, Attribute, InList, InSegment, Not, Rule, Share
from segments.rules.words import TRAIT_PREFIX

__all__ = ["DEEPEST", "MOST_CONDITIONS", "count_conditions", "dump", "parse", "place_of"]

DEEPEST = 10
"""How many levels a rule may have; a single condition has one."""
MOST_CONDITIONS = 200

_GROUPS = ("all", "any", "not")
_SHAPES = (
    'a rule is one of {"all": [rules]}, {"any": [rules]}, {"not": rule}, '
    '{"attribute": name, "op": operator, "value": value}, {"event": name, "op": operator, "times": n, "days": d}, '
    '{"segment": id}, {"list": id}, {"share": [from, to], "salt": text}'
)
_EVERY_TRAIT = tuple({operator.op: operator for operators in OPERATORS.values() for operator in operators}.values())


def parse(document: Any, *, traits: Mapping[str, Kind] | None = None) -> Rule:
    """The rule that a decoded JSON document states.

    Args:
        document: the decoded JSON.
        traits: traits that the shop uses in segments, by name without prefix; None where that is not to be checked.

    Raises:
        RuleError: where the document is not a rule; the message says what would be right.
    """
    rule = _rule(document, (), traits)
    if (conditions := count_conditions(rule)) > MOST_CONDITIONS:
        raise RuleError(f"the rule has {conditions} conditions; at most {MOST_CONDITIONS} are allowed")
    return rule


def count_conditions(rule: Rule) -> int:
    """How many conditions a rule holds; another segment counts as one."""
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


def _rule(document: Any, path: Path, traits: Mapping[str, Kind] | None) -> Rule:
    if sum(step in _GROUPS for step in path) >= DEEPEST:
        raise RuleError(f"the rule is nested more than {DEEPEST} levels deep; flatten its groups", path)
    if not isinstance(document, dict):
        raise RuleError(f"{shown(document)} is not a rule; {_SHAPES}", path)
    match next((key for key in (*_GROUPS, "attribute") if key in document), None):
        case "all":
            return All(_group(document, "all", path, traits))
        case "any":
            return Any_(_group(document, "any", path, traits))
        case "not":
            only(document, {"not"}, path)
            return Not(_rule(document["not"], (*path, "not"), traits))
        case "attribute":
            return _attribute(document, path, traits)
        case _:
            return _condition(document, path)


def _condition(document: dict[str, Any], path: Path) -> Rule:
    match next((key for key in ("event", "segment", "list", "share") if key in document), None):
        case "event":
            return parse_behavioural(document, path)
        case "segment":
            only(document, {"segment"}, path)
            return InSegment(_id(document, "segment", path))
        case "list":
            only(document, {"list"}, path)
            return InList(_id(document, "list", path))
        case "share":
            return _share(document, path)
        case _:
            raise RuleError(f"{shown(document)} is not a rule; {_SHAPES}", path)


def _group(document: dict[str, Any], key: str, path: Path, traits: Mapping[str, Kind] | None) -> tuple[Rule, ...]:
    only(document, {key}, path)
    parts = document[key]
    if not isinstance(parts, list):
        raise RuleError(f'"{key}" takes a list of rules, not {shown(parts)}', (*path, key))
    if key == "any" and not parts:
        raise RuleError('"any" needs at least one rule; for everyone write {"all": []}', (*path, key))
    return tuple(_rule(part, (*path, key, place), traits) for place, part in enumerate(parts))


def _attribute(document: dict[str, Any], path: Path, traits: Mapping[str, Kind] | None) -> Attribute:
    only(document, {"attribute", "op", "value"}, path)
    name, place = document["attribute"], (*path, "attribute")
    if isinstance(name, str) and is_trait(name):
        operators = _trait_operators(name, place, traits)
        operator = read_operator(document, operators, f'the trait "{name.removeprefix(TRAIT_PREFIX)}"', path)
    elif isinstance(name, str) and name in KINDS:
        operator = read_operator(document, OPERATORS[KINDS[name]], f'the {KINDS[name]} attribute "{name}"', path)
    else:
        raise RuleError(f"{shown(name)} is no attribute; {hint(str(name), KINDS)}", place)
    return Attribute(name, operator.op, read_value(document.get("value"), operator, path))


def _trait_operators(name: str, path: Path, traits: Mapping[str, Kind] | None) -> tuple[Operator, ...]:
    """Without knowledge of traits any operator may stand: which kind a trait is asked as follows from it."""
    own = text(name.removeprefix(TRAIT_PREFIX), "the name of a trait", path)
    if traits is None:
        return _EVERY_TRAIT
    if own not in traits:
        raise RuleError(f"{shown(own)} is no trait that is used in segments; {hint(own, traits)}", path)
    return OPERATORS[traits[own]]


def _id(document: dict[str, Any], key: str, path: Path) -> int:
    return whole(document[key], 1, LARGEST_NUMBER, f'"{key}"', (*path, key))


def _share(document: dict[str, Any], path: Path) -> Share:
    only(document, {"share", "salt"}, path)
    marks, place = document["share"], (*path, "share")
    if not isinstance(marks, list) or len(marks) != 2:  # noqa: PLR2004 - a range has two ends
        raise RuleError(f'"share" is [from, to] in percent, not {shown(marks)}', place)
    first, last = (_hundredths(mark, (*place, number)) for number, mark in enumerate(marks))
    if last <= first:
        raise RuleError(f"the share begins at {shown(marks[0])}% but ends at {shown(marks[1])}%", place)
    return Share(first, last, text(document.get("salt"), '"salt"', (*path, "salt")))


def _hundredths(mark: Any, path: Path) -> int:
    """Hundredths of a percent."""
    if isinstance(mark, int | float) and not isinstance(mark, bool) and 0 <= mark <= 100:  # noqa: PLR2004 - percent
        hundredths = Decimal(str(mark)) * 100
        if hundredths == int(hundredths):
            return int(hundredths)
    raise RuleError(
        f"a mark of a share is a percentage from 0 to 100 with at most two decimals, not {shown(mark)}", path
    )
