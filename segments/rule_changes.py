"""What differs between two versions of a rule, as the conditions that went and those that came."""

from collections.abc import Sequence
from dataclasses import dataclass

from segments.rules.rule import All, Any_, Not, Rule


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Conditions or groups that are in one version only; both empty where only their order is another."""

    removed: tuple[Rule, ...]
    added: tuple[Rule, ...]


def rule_change(before: Rule, after: Rule) -> RuleChange:
    """What has changed, as deep inside as one place holds all of it.

    Where one group alone is another one, its own parts are compared; where a group became one of another kind, it is
    told as a whole.
    """
    if before == after:
        return RuleChange((), ())
    match before, after:
        case Not(old), Not(new):
            inner = rule_change(old, new)
            return RuleChange(tuple(map(Not, inner.removed)), tuple(map(Not, inner.added)))
        case Any_(old), Any_(new):
            return _parts(old, new)
    if isinstance(before, All) or isinstance(after, All):
        return _parts(_conjuncts(before), _conjuncts(after))
    return RuleChange((before,), (after,))


def _conjuncts(rule: Rule) -> tuple[Rule, ...]:
    return rule.rules if isinstance(rule, All) else (rule,)


def _parts(before: Sequence[Rule], after: Sequence[Rule]) -> RuleChange:
    removed, added = _without(before, after), _without(after, before)
    if (
        len(removed) == len(added) == 1
        and type(removed[0]) is type(added[0])
        and isinstance(removed[0], All | Any_ | Not)
    ):
        return rule_change(removed[0], added[0])
    return RuleChange(removed, added)


def _without(parts: Sequence[Rule], others: Sequence[Rule]) -> tuple[Rule, ...]:
    """The parts that are not among the others, each of those taken once."""
    left, found = list(others), []
    for part in parts:
        if part in left:
            left.remove(part)
        else:
            found.append(part)
    return tuple(found)
