"""What a rule needs beside the columns of every frame: behaviours, static lists, the rules of other segments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from segments.errors import RuleError
from segments.rules.behaviour import Behaviour, source_of
from segments.rules.rule import BEHAVIOURAL, All, Any_, InList, InSegment, Not, Rule, conditions_of

MOST_RESOLVED = 2_000
"""Conditions that a rule may have together with those of the segments that it asks for."""

DEEPEST = 10
"""How many segments may ask for each other in a row."""

_PATH = tuple[str | int, ...]


def every_behaviour(rule: Rule) -> frozenset[Behaviour]:
    """All behaviours that a rule reads."""
    return frozenset(one.behaviour for one in conditions_of(rule) if isinstance(one, BEHAVIOURAL))


def behaviours(rule: Rule) -> frozenset[Behaviour]:
    """The behaviours whose columns must be joined to the frame: those that it does not hold itself."""
    return frozenset(one for one in every_behaviour(rule) if source_of(one) != "frame")


def lists(rule: Rule) -> frozenset[int]:
    """Static lists whose columns (`list_column`) must be joined to the frame."""
    return frozenset(one.list_id for one in conditions_of(rule) if isinstance(one, InList))


def list_column(list_id: int) -> str:
    """The boolean column that says who stands on a static list."""
    return f"list:{list_id}"


def references(rule: Rule) -> frozenset[int]:
    """The segments that a rule asks for itself; those that they ask for come with `resolve`."""
    match rule:
        case InSegment(segment_id, _):
            return frozenset({segment_id})
        case All(rules) | Any_(rules):
            return frozenset().union(*map(references, rules))
        case Not(part):
            return references(part)
        case _:
            return frozenset()


def resolve(
    rule: Rule, rules: Mapping[int, Rule], *, segment_id: int | None = None, names: Mapping[int, str] | None = None
) -> Rule:
    """The rule with every asked-for segment's rule put in its place, to any depth.

    Args:
        rule: a parsed rule.
        rules: rules of at least the segments that are asked for, directly or not.
        segment_id: the segment whose rule it is, so that one that asks for itself is found out.
        names: of segments, for messages.

    Raises:
        RuleError: a segment that there is not, a circle of segments, or too many in all; with the place in ``rule``.
    """
    resolver = _Resolver(rules, names or {})
    return resolver.resolve(rule, (), () if segment_id is None else (segment_id,))


@dataclass(slots=True)
class _Resolver:
    rules: Mapping[int, Rule]
    names: Mapping[int, str]
    known: dict[int, Rule] = field(default_factory=dict)

    def resolve(self, rule: Rule, path: _PATH, within: tuple[int, ...]) -> Rule:
        resolved = self._inside(rule, path, within)
        if len(conditions_of(resolved)) > MOST_RESOLVED:
            many = f"the rule has more than {MOST_RESOLVED} conditions together with the segments it asks for"
            raise RuleError(f"{many}; ask for fewer", path)
        return resolved

    def _inside(self, rule: Rule, path: _PATH, within: tuple[int, ...]) -> Rule:
        match rule:
            case All(parts):
                return All(self._each(parts, (*path, "all"), within))
            case Any_(parts):
                return Any_(self._each(parts, (*path, "any"), within))
            case Not(part):
                return Not(self._inside(part, (*path, "not"), within))
            case InSegment(segment_id):
                return InSegment(segment_id, self._segment(segment_id, (*path, "segment"), within))
            case _:
                return rule

    def _each(self, parts: tuple[Rule, ...], path: _PATH, within: tuple[int, ...]) -> tuple[Rule, ...]:
        return tuple(self._inside(part, (*path, place), within) for place, part in enumerate(parts))

    def _segment(self, segment_id: int, path: _PATH, within: tuple[int, ...]) -> Rule:
        if segment_id in within:
            circle = (*within[within.index(segment_id) :], segment_id)
            raise RuleError(f"segments ask for each other in a circle: {self._named(circle)}", path)
        if segment_id not in self.rules:
            raise RuleError(f"there is no segment {segment_id}", path)
        if len(within) >= DEEPEST:
            raise RuleError(f"more than {DEEPEST} segments ask for each other in a row: {self._named(within)}", path)
        if segment_id not in self.known:
            try:
                self.known[segment_id] = self.resolve(self.rules[segment_id], (), (*within, segment_id))
            except RuleError as error:  # the place is that in the rule at hand, not one inside another segment's
                raise RuleError(error.message, path) from None
        return self.known[segment_id]

    def _named(self, segments: tuple[int, ...]) -> str:
        return " → ".join(self.names.get(one, str(one)) for one in segments)
