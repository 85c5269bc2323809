"""The builder's fields of one condition, as the JSON of a rule and back; what is wrong with it, and of which field."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import get_currency_precision

from admin_ui import behaviour_document, behaviour_form, typed_values
from admin_ui.i18n import mark
from admin_ui.rule_tree import Node
from segments.errors import RuleError
from segments.rules.conditions import CONDITIONS, AttributeChoice
from segments.rules.operators import OPERATORS, Kind, Operand, Operator, is_trait
from segments.rules.parse import parse
from segments.rules.words import TRAIT_PREFIX
from segments.shop_traits import MANY

FIRST = "attribute:orders"
"""What a condition is about where nothing was chosen."""

_ATTRIBUTES = {attribute.name: attribute for attribute in CONDITIONS.attributes}
_OF_TRAITS = tuple({each.op: each for kind in Kind for each in OPERATORS[kind]}.values())
"""A trait has a kind only together with the question: all operators, each once."""

_KINDS = ("attribute", "event", "segment", "list", "share")

_ERRORS: Mapping[Operand, str] = {
    Operand.NUMBER: mark("Enter a whole number."),
    Operand.NUMBERS: mark("Enter two whole numbers, the lower one first."),
    Operand.TEXT: mark("Enter a text of up to 200 characters."),
    Operand.TEXTS: mark("Tick or enter one value or more, separated by commas."),
    Operand.DAYS: mark("Enter a number of days from 1 to 3,650."),
    Operand.DATE: mark("Enter a day."),
}
_OTHERS: Mapping[str, str] = {
    "segment": mark("Choose a segment."),
    "list": mark("Choose a list."),
    "share": mark("Enter two percentages from 0 to 100, the lower one first."),
}
_ANYTHING = mark("Complete this condition.")


def attribute_of(node: Node) -> AttributeChoice | None:
    """The catalogue's entry of the attribute, if it is one."""
    if node.kind == "attribute" and is_trait(node.name):
        name = node.name.removeprefix(TRAIT_PREFIX)
        return AttributeChoice(node.name, name, name, "profile", Kind.TEXT, _OF_TRAITS) if name else None
    return _ATTRIBUTES.get(node.name) if node.kind == "attribute" else None


def operators(node: Node) -> tuple[Operator, ...]:
    """What the condition can compare with."""
    if node.kind == "event":
        return behaviour_form.operators(node)
    attribute = attribute_of(node)
    return attribute.operators if attribute else ()


def operand(node: Node) -> Operand:
    """What stands to the right of the chosen operator."""
    if node.kind == "event":
        return behaviour_form.operand(node)
    return next((each.operand for each in operators(node) if each.op == node.get("op")), Operand.NOTHING)


def new(subject: str) -> Node:
    """What a new condition asks at first: something that stands, so that no error greets the one who begins."""
    node = Node(
        subject=(subject or FIRST).removesuffix(MANY), typed={"op": "has_any"} if subject.endswith(MANY) else {}
    )
    settle(node)
    attribute = attribute_of(node)
    if attribute is not None and operand(node) in (Operand.NUMBER, Operand.DAYS):
        node.typed.setdefault("value", "1" if operand(node) is Operand.NUMBER else "30")
    return node


def settle(node: Node) -> Node:
    """A condition whose fields fit its subject: another subject may not have the operator of the one before."""
    if node.kind not in _KINDS or (node.kind == "attribute" and attribute_of(node) is None):
        node.subject = FIRST
    if node.kind == "event":
        behaviour_form.settle(node)
    if node.kind == "share":
        node.typed = {"value": "0", "value_to": "10", "salt": "a", **node.typed}
    if operators(node) and node.get("op") not in [each.op for each in operators(node)]:
        node.typed["op"] = operators(node)[0].op
    if node.kind == "attribute":
        _settle_texts(node)
    return node


def _settle_texts(node: Node) -> None:
    """One text and several are kept in different fields: who changes the comparison keeps what was chosen."""
    if operand(node) is Operand.TEXTS:
        behaviour_form.tick(node, "value", "has")
    elif operand(node) is Operand.TEXT and not node.get("value") and node.boxes("has"):
        node.typed["value"] = node.boxes("has")[0]


def document(node: Node, currency: str) -> dict[str, Any]:
    """The JSON of the condition; what is no value stays as it was typed."""
    match node.kind:
        case "event":
            return behaviour_document.document(node, currency)
        case "segment" | "list":
            return {node.kind: typed_values.number(node.get("value"))}
        case "share":
            ends = [_percent(node.get(what)) for what in ("value", "value_to")]
            return {"share": ends, "salt": node.get("salt")}
    value = _value(node, currency)
    return {"attribute": node.name, "op": node.get("op"), **({} if value is None else {"value": value})}


def problem(node: Node, currency: str) -> tuple[str, str]:
    """What is wrong with the condition, and of which field; twice nothing where it stands."""
    try:
        parse(document(node, currency))
    except RuleError as error:
        return refused(node, error.path)
    return "", ""


def refused(node: Node, path: tuple[str | int, ...] = ()) -> tuple[str, str]:
    """What to say of a refusal at ``path`` of the condition's JSON, and of which field."""
    if node.kind == "event":
        return behaviour_form.problem(node, path)
    if node.kind in _OTHERS:
        return _OTHERS[node.kind], "value"
    return _ERRORS.get(operand(node), _ANYTHING), "value"


def read(document: Mapping[str, Any], currency: str) -> Node:
    """The fields of a condition's JSON."""
    match document:
        case {"event": _}:
            return behaviour_document.read(document, currency)
        case {"segment": number}:
            return Node(subject="segment:", typed={"value": str(number)})
        case {"list": number}:
            return Node(subject="list:", typed={"value": str(number)})
        case {"share": [low, high]}:
            typed = {"value": _plain(low), "value_to": _plain(high), "salt": str(document.get("salt", ""))}
            return Node(subject="share:", typed=typed)
        case _:
            return _read_attribute(document, currency)


def _read_attribute(document: Mapping[str, Any], currency: str) -> Node:
    node = Node(subject=f"attribute:{document['attribute']}", typed={"op": document["op"]})
    value, scale = document.get("value"), _scale(node, currency)
    match operand(node):
        case Operand.NUMBERS if isinstance(value, list):
            node.typed |= dict(
                zip(("value", "value_to"), (typed_values.written(end, scale) for end in value), strict=True)
            )
        case Operand.TEXTS:
            node.ticked["has"] = tuple(value or ())
        case _ if value is not None:
            node.typed["value"] = typed_values.written(value, scale)
    return node


def _value(node: Node, currency: str) -> Any:
    scale = _scale(node, currency)
    match operand(node):
        case Operand.NOTHING:
            return None
        case Operand.NUMBER | Operand.DAYS:
            return typed_values.number(node.get("value"), scale)
        case Operand.NUMBERS:
            return [typed_values.number(node.get(what), scale) for what in ("value", "value_to")]
        case Operand.TEXTS:
            return typed_values.texts(node.boxes("has"), node.get("value"))
        case _:
            return node.get("value")


def _percent(text: str) -> float | int | str:
    plain = text.replace("，", ".").replace(",", ".").rstrip("%％").strip()
    try:
        value = float(plain)
    except ValueError:
        return text
    return int(value) if value == int(value) else value


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _scale(node: Node, currency: str) -> int:
    attribute = attribute_of(node)
    return get_currency_precision(currency) if attribute is not None and attribute.money else 0
