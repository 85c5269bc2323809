"""Why a customer is or is not in a segment: every condition with its verdict and the person's own value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from segments.customers import NEWEST
from segments.rules import words
from segments.rules.behaviour import column_of
from segments.rules.describe import describe
from segments.rules.operators import OPPOSITES
from segments.rules.rule import All, Any_, Attribute, Did, Not, Rule, Within
from segments.rules.words import Language


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one node of a rule for one customer.

    Attributes:
        kind: "all", "any", "not", "attribute" or "event".
        holds: whether the node is true of the customer.
        sentence: the node in words.
        found: the customer's value in words; empty for groups.
        parts: findings of the node's parts.
    """

    kind: str
    holds: bool
    sentence: str
    found: str = ""
    parts: "tuple[Finding, ...]" = ()


def explain(rule: Rule, row: Mapping[str, Any], language: str, *, currency: str = "JPY") -> Finding:
    """The verdict on ``rule`` for the customer whose frame row is ``row``, condition by condition.

    Args:
        rule: a parsed rule.
        row: the customer's row of the frame by column name; list columns that are absent mean "never".
        language: "ja" or "en".
        currency: the shop's currency, for amounts of money.
    """
    sentence = describe(rule, language, currency=currency)
    match rule:
        case All(rules):
            parts = tuple(explain(part, row, language, currency=currency) for part in rules)
            return Finding("all", all(part.holds for part in parts), sentence, parts=parts)
        case Any_(rules):
            parts = tuple(explain(part, row, language, currency=currency) for part in rules)
            return Finding("any", any(part.holds for part in parts), sentence, parts=parts)
        case Not(part):
            inner = explain(part, row, language, currency=currency)
            return Finding("not", not inner.holds, sentence, parts=(inner,))
        case Attribute():
            found = _value_in_words(rule.name, row[rule.name], Language(language), currency)
            return Finding("attribute", _attribute_holds(rule, row), sentence, found)
        case Did():
            return Finding(
                "event", _did_holds(rule, row), sentence, _occurrences_in_words(rule, row, Language(language))
            )
        case _:
            raise TypeError(f"{rule} cannot be explained")


def _attribute_holds(condition: Attribute, row: Mapping[str, Any]) -> bool:
    if condition.op in OPPOSITES:
        return not _attribute_holds(Attribute(condition.name, OPPOSITES[condition.op], condition.value), row)
    found = row[condition.name]
    return found is not None and _COMPARISONS[condition.op](found, condition.value, row["as_of"])


_COMPARISONS: dict[str, Callable[[Any, Any, date], bool]] = {
    "=": lambda found, value, _: found == value,
    "<": lambda found, value, _: found < value,
    "<=": lambda found, value, _: found <= value,
    ">": lambda found, value, _: found > value,
    ">=": lambda found, value, _: found >= value,
    "between": lambda found, value, _: value[0] <= found <= value[1],
    "is": lambda found, value, _: found == value,
    "in": lambda found, value, _: found in value,
    "contains": lambda found, value, _: value in found,
    "starts_with": lambda found, value, _: found.startswith(value),
    "is_true": lambda found, _value, _day: found,
    "is_set": lambda _found, _value, _day: True,
    "within_days": lambda found, value, as_of: _cut(as_of, value) < found <= as_of,
    "before_days": lambda found, value, as_of: found <= _cut(as_of, value),
    "next_days": lambda found, value, as_of: as_of <= found < _cut(as_of, -value),
    "on_or_after": lambda found, value, _: found >= value,
    "on_or_before": lambda found, value, _: found <= value,
}
"""The positive operators, of a value that is there."""


def _did_holds(condition: Did, row: Mapping[str, Any]) -> bool:
    count = len(_occurrences(condition, row))
    if condition.op == "at_least":
        return count >= condition.times
    return count <= condition.times if condition.op == "at_most" else count == condition.times


def _occurrences(condition: Did, row: Mapping[str, Any]) -> Sequence[date]:
    days: Sequence[date] = row.get(column_of(condition.behaviour)) or ()
    span = condition.window.days if isinstance(condition.window, Within) else None
    if span is None:
        return days
    cut = _cut(row["as_of"], span)
    return [day for day in days if day > cut]


def _cut(as_of: date, days: int) -> date:
    """The last day that is too old to lie in the last ``days`` days."""
    return as_of - timedelta(days=days)


def _value_in_words(name: str, found: Any, language: Language, currency: str) -> str:
    japanese = language is Language.JA
    match found:
        case None:
            return "記録なし" if japanese else "not known"
        case bool():
            return {True: "はい", False: "いいえ"}[found] if japanese else {True: "yes", False: "no"}[found]
        case int():
            return words.amount(name, found, language, currency)
        case date():
            return words.day(found, language)
        case _:
            return f"「{found}」" if japanese else f'"{found}"'


def _occurrences_in_words(condition: Did, row: Mapping[str, Any], language: Language) -> str:
    """How often, and when last: 2回（最後は2026年1月5日）."""
    within = _occurrences(condition, row)
    count = f"{len(within)}+" if len(within) >= NEWEST else str(len(within))
    latest: Sequence[date] = row.get(column_of(condition.behaviour)) or ()
    if not latest:
        return "一度もない" if language is Language.JA else "never"
    last = words.day(latest[0], language)
    if language is Language.JA:
        return f"{count.replace('+', '')}回{'以上' if '+' in count else ''}（最後は{last}）"
    return f"{count} {'time' if count == '1' else 'times'} (last on {last})"
