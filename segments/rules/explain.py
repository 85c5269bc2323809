"""Why a customer is or is not in a segment: every condition with its verdict and the person's own value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segments.rules import words
from segments.rules.describe import tell
from segments.rules.explain_attribute import attribute_holds, value_found
from segments.rules.explain_behaviour import behaved, occurrences_found
from segments.rules.references import list_column
from segments.rules.rule import All, Any_, Attribute, Behavioural, InList, InSegment, Not, Rule, Share
from segments.rules.share import spot_of
from segments.rules.telling import NO_NAMES, Names, Telling
from segments.rules.words import Language


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one node of a rule for one customer.

    Attributes:
        kind: "all", "any", "not", "attribute", "event", "segment", "list" or "share".
        holds: whether the node is true of the customer.
        sentence: the node in words.
        found: the customer's value in words; empty for groups and segments.
        parts: findings of the node's parts; of a segment its own rule.
    """

    kind: str
    holds: bool
    sentence: str
    found: str = ""
    parts: "tuple[Finding, ...]" = ()


def explain(
    rule: Rule, row: Mapping[str, Any], language: str, *, currency: str = "JPY", names: Names = NO_NAMES
) -> Finding:
    """The verdict on ``rule`` for the customer whose frame row is ``row``, condition by condition.

    Args:
        rule: a parsed rule, the segments that it asks for resolved (`segments.rules.references.resolve`).
        row: the customer's row of the frame by column name, with the columns that the rule needs; list columns that are
            absent mean "never".
        language: "ja" or "en".
        currency: the shop's currency, for amounts of money.
        names: of segments, lists and stores; what has none is told by its number or code.
    """
    return _explain(rule, row, Telling(language=Language(language), currency=currency, names=names))


def _explain(rule: Rule, row: Mapping[str, Any], telling: Telling) -> Finding:
    sentence = tell(rule, telling)
    match rule:
        case All(rules):
            parts = tuple(_explain(part, row, telling) for part in rules)
            return Finding("all", all(part.holds for part in parts), sentence, parts=parts)
        case Any_(rules):
            parts = tuple(_explain(part, row, telling) for part in rules)
            return Finding("any", any(part.holds for part in parts), sentence, parts=parts)
        case Not(part):
            inner = _explain(part, row, telling)
            return Finding("not", not inner.holds, sentence, parts=(inner,))
        case InSegment(segment_id, part):
            if part is None:
                raise ValueError(f"the rule of segment {segment_id} is not resolved")
            inner = _explain(part, row, telling)
            return Finding("segment", inner.holds, sentence, parts=(inner,))
        case _:
            return _condition(rule, row, sentence, telling)


def _condition(
    condition: Attribute | Behavioural | InList | Share, row: Mapping[str, Any], sentence: str, telling: Telling
) -> Finding:
    match condition:
        case Attribute():
            return Finding("attribute", attribute_holds(condition, row), sentence, value_found(condition, row, telling))
        case InList(list_id):
            listed = bool(row.get(list_column(list_id)))
            return Finding("list", listed, sentence, words.yes_or_no(listed, telling.language))
        case Share(first, last, salt):
            spot = spot_of(row["customer_id"], salt)
            return Finding("share", first <= spot < last, sentence, f"{spot / 100:g}%")
        case _:
            found = occurrences_found(condition, row, telling)
            return Finding("event", behaved(condition, row), sentence, found)
