"""The builder's fields of a shop's own property: which one, what it is compared by, and with what."""

from collections.abc import Mapping
from typing import Any

from admin_ui import typed_values
from admin_ui.rule_tree import Node
from segments.event_properties import PREFIX, is_own
from segments.rules.behaviour import LEDGER_EVENTS
from segments.rules.operators import Operand, Operator
from segments.rules.own_properties import OWN_OPERATORS

ANOTHER = PREFIX
"""Instead of a property's name: it is typed beside."""

_BY_OP = {each.op: each for each in OWN_OPERATORS}
_SEVERAL = ("in", "not_in", "has_all")
_SAID: Mapping[str, Any] = {
    "is_true": True,
    "is_false": False,
    "is_set": {"is_set": True},
    "is_not_set": {"is_set": False},
}


def may_have(event: str) -> bool:
    """Whether an event can have properties of the shop's own."""
    return event not in LEDGER_EVENTS


def operators() -> tuple[Operator, ...]:
    """What such a property can be compared by."""
    return OWN_OPERATORS


def is_of_own(node: Node, which: str) -> bool:
    """Whether a filter is about such a property."""
    return is_own(node.get(f"{which}-name"))


def operand(node: Node, which: str) -> Operand:
    """What stands beside the chosen operator."""
    return _BY_OP[node.get(f"{which}-op")].operand


def suggested(name: str, event: str) -> str:
    """The key of the values that are suggested for a property of an event."""
    return f"of:{name}@{event}"


def settle(node: Node, which: str) -> None:
    """A name that was typed becomes the property; the operator is one that it can have."""
    take_name(node, f"{which}-name", f"{which}-own")
    if node.get(f"{which}-op") not in _BY_OP:
        node.typed[f"{which}-op"] = "in"
    if node.get(f"{which}-op") not in _SEVERAL and not node.get(f"{which}-value") and node.boxes(f"{which}-has"):
        node.typed[f"{which}-value"] = node.boxes(f"{which}-has")[0]


def take_name(node: Node, field: str, typed: str) -> None:
    """Make a name that was typed the chosen property."""
    name = node.get(typed).strip()
    if node.get(field) == ANOTHER and name:
        node.typed |= {field: f"{PREFIX}{name}", typed: ""}


def document(node: Node, which: str) -> Any:
    """The filter's JSON; what is no value stays as it was typed."""
    op, value = node.get(f"{which}-op"), node.get(f"{which}-value")
    match _BY_OP[op].operand:
        case Operand.NOTHING:
            return _SAID[op]
        case Operand.TEXTS:
            named = typed_values.texts(node.boxes(f"{which}-has"), value)
            return named if op == "in" else {op: named}
        case Operand.NUMBER:
            return {op: typed_values.decimal(value)}
        case Operand.NUMBERS:
            return {op: [typed_values.decimal(node.get(f"{which}-{what}")) for what in ("value", "value_to")]}
        case _:
            return {op: value}


def read(node: Node, which: str, asked: Any) -> None:
    """Put a filter's JSON into its fields."""
    op, value = _stated(asked)
    node.typed[f"{which}-op"] = op
    if op in _SEVERAL:
        node.ticked[f"{which}-has"] = tuple(value) if isinstance(value, list) else (str(value),)
    elif op not in _SAID:
        for what, end in zip(("value", "value_to"), value if isinstance(value, list) else [value], strict=False):
            node.typed[f"{which}-{what}"] = str(end)


def _stated(asked: Any) -> tuple[str, Any]:
    if isinstance(asked, bool):
        return ("is_true" if asked else "is_false"), None
    if isinstance(asked, int | float):
        return "=", asked
    if not isinstance(asked, dict):
        return "in", asked
    ((op, value),) = asked.items()
    return ("is_set" if value else "is_not_set", None) if op == "is_set" else (op, value)
