"""The segment builder's form: a tree of groups and conditions as fields, and as the JSON of a rule.

A node's place is written into its fields' names: ``subject.r-0-2`` belongs to the third part of the first part of the
root ``r``. What was typed is kept as it was typed, right or wrong; an error belongs to the condition that has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from babel.numbers import get_currency_precision

from admin_ui.forms import Form
from admin_ui.i18n import mark
from segments.errors import RuleError
from segments.rules.conditions import CONDITIONS, AttributeChoice
from segments.rules.operators import Operand, Operator
from segments.rules.parse import parse
from segments.rules.rule import Rule

ROOT = "r"
_MODES = ("all", "any", "not")
_ATTRIBUTES = {attribute.name: attribute for attribute in CONDITIONS.attributes}
_FIRST = "attribute:orders"

_ERRORS = {
    Operand.NUMBER: mark("Enter a whole number."),
    Operand.NUMBERS: mark("Enter two whole numbers, the lower one first."),
    Operand.TEXT: mark("Enter a text of up to 200 characters."),
    Operand.TEXTS: mark("Enter one text or more, separated by commas."),
    Operand.DAYS: mark("Enter a number of days from 1 to 3,650."),
    Operand.DATE: mark("Enter a day."),
}
_EVENT_ERROR = mark("Enter how many times (up to 100) and, if it matters, in how many days.")
_EMPTY_GROUP = mark("Add a condition to this group, or remove it.")
_TOO_MUCH = mark("The rule is too large: at most 200 conditions in 10 levels.")


@dataclass(slots=True)
class Node:
    """A group (``mode`` all, any or not, with ``parts``) or, with an empty mode, a condition as it was typed."""

    mode: str = ""
    parts: "list[Node]" = field(default_factory=list)
    subject: str = _FIRST
    op: str = ""
    value: str = ""
    value_to: str = ""
    times: str = "1"
    days: str = ""
    error: str = ""
    place: str = ROOT

    @property
    def is_event(self) -> bool:
        """Whether the condition is about behaviour."""
        return self.subject.startswith("event:")

    @property
    def name(self) -> str:
        """The attribute or event the condition is about."""
        return self.subject.partition(":")[2]

    @property
    def attribute(self) -> AttributeChoice | None:
        """The catalogue's entry of the attribute, if it is one."""
        return None if self.is_event else _ATTRIBUTES.get(self.name)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """What the condition can compare with."""
        if self.is_event:
            return CONDITIONS.event_operators
        return self.attribute.operators if self.attribute else ()

    @property
    def operand(self) -> Operand:
        """What stands to the right of the chosen operator."""
        chosen = next((o for o in self.operators if o.op == self.op), None)
        return chosen.operand if chosen else Operand.NOTHING

    @property
    def wrong(self) -> bool:
        """Whether this node or one below it has an error."""
        return bool(self.error) or any(part.wrong for part in self.parts)


def blank() -> Node:
    """A new tree: everyone, with one condition to begin with."""
    return _placed(Node(mode="all", parts=[_new()]))


def read(form: Form) -> Node:
    """The tree that a form holds."""
    fields: dict[str, dict[str, str]] = {}
    for name, value in form.fields:
        what, dot, place = name.partition(".")
        if dot and (place == ROOT or place.startswith(f"{ROOT}-")):
            fields.setdefault(place, {})[what] = value
    return _placed(_read(fields, ROOT))


def edit(tree: Node, action: str) -> Node:
    """The tree after a button: ``add:place``, ``group:place`` or ``remove:place``."""
    verb, _, place = action.partition(":")
    steps = [int(step) for step in place.split("-")[1:] if step.isdigit()]
    parent, last = tree, None
    for step in steps:
        if step >= len(parent.parts):
            return tree
        parent, last = (parent.parts[step], (parent, step))
    if verb == "add":
        parent.parts.append(_new())
    elif verb == "group":
        parent.parts.append(Node(mode="any", parts=[_new()]))
    elif verb == "remove" and last is not None:
        del last[0].parts[last[1]]
    return _placed(tree)


def to_rule(tree: Node, currency: str) -> Rule | None:
    """The rule of a tree; None where something is wrong, which is then noted on its conditions."""
    for node in _walk(tree):
        node.error = _problem(node, currency, is_root=node is tree)
    if tree.wrong:
        return None
    try:
        return parse(_document(tree, currency))
    except RuleError:
        tree.error = _TOO_MUCH
        return None


def from_document(document: dict[str, Any], currency: str) -> Node:
    """The tree of a rule's JSON; a rule that is not a group becomes the only part of one."""
    tree = _node(document, currency)
    return _placed(tree if tree.mode in ("all", "any") else Node(mode="all", parts=[tree]))


def _read(fields: dict[str, dict[str, str]], place: str) -> Node:
    own = fields.get(place, {})
    if own.get("mode") not in _MODES and place != ROOT:
        return _settled(_condition(own))
    parts: list[Node] = []
    while f"{place}-{len(parts)}" in fields:
        parts.append(_read(fields, f"{place}-{len(parts)}"))
    return Node(mode=own.get("mode", "all"), parts=parts)


def _new() -> Node:
    """What a new condition asks at first: something that stands, so that no error greets the one who begins."""
    return _settled(Node(value="1"))


def _condition(typed: dict[str, str]) -> Node:
    return Node(
        subject=typed.get("subject", _FIRST),
        op=typed.get("op", ""),
        value=typed.get("value", "").strip(),
        value_to=typed.get("value_to", "").strip(),
        times=typed.get("times", "1").strip(),
        days=typed.get("days", "").strip(),
    )


def _settled(node: Node) -> Node:
    """A condition whose operator fits its subject: another subject may not have the operator of the one before."""
    if not node.is_event and node.attribute is None:
        node.subject = _FIRST
    if node.op not in [o.op for o in node.operators]:
        node.op = node.operators[0].op
    return node


def _placed(node: Node, place: str = ROOT) -> Node:
    node.place = place
    for number, part in enumerate(node.parts):
        _placed(part, f"{place}-{number}")
    return node


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from _walk(part)


def _problem(node: Node, currency: str, *, is_root: bool) -> str:
    if node.mode:
        return "" if node.parts or (is_root and node.mode == "all") else _EMPTY_GROUP
    try:
        parse(_document(node, currency))
    except RuleError:
        return _EVENT_ERROR if node.is_event else _ERRORS[node.operand]
    return ""


def _document(node: Node, currency: str) -> dict[str, Any]:
    parts = [_document(part, currency) for part in node.parts]
    if node.mode == "not":
        return {"not": parts[0] if len(parts) == 1 else {"any": parts}}
    if node.mode:
        return {node.mode: parts}
    if node.is_event:
        period = {"days": _typed_number(node.days)} if node.days else {}
        return {"event": node.name, "op": node.op, "times": _typed_number(node.times), **period}
    value = _typed(node, currency)
    return {"attribute": node.name, "op": node.op, **({} if value is None else {"value": value})}


def _typed(node: Node, currency: str) -> Any:
    scale = _scale(node, currency)
    match node.operand:
        case Operand.NOTHING:
            return None
        case Operand.NUMBER | Operand.DAYS:
            return _typed_number(node.value, scale)
        case Operand.NUMBERS:
            return [_typed_number(node.value, scale), _typed_number(node.value_to, scale)]
        case Operand.TEXTS:
            return [text.strip() for text in node.value.replace("、", ",").split(",") if text.strip()]
        case _:
            return node.value


def _typed_number(text: str, scale: int = 0) -> int | str:
    """A whole number in minor units, or the text itself where it is none: the parser then says so."""
    plain = text.replace(",", "").replace("，", "").strip()
    whole, _, decimals = plain.partition(".")
    try:
        return int(whole + decimals.ljust(scale, "0")) if len(decimals) <= scale else plain
    except ValueError:
        return plain


def _scale(node: Node, currency: str) -> int:
    return get_currency_precision(currency) if node.attribute is not None and node.attribute.money else 0


def _node(document: dict[str, Any], currency: str) -> Node:
    match document:
        case {"all": parts}:
            return Node(mode="all", parts=[_node(part, currency) for part in parts])
        case {"any": parts}:
            return Node(mode="any", parts=[_node(part, currency) for part in parts])
        case {"not": {"any": parts}}:
            return Node(mode="not", parts=[_node(part, currency) for part in parts])
        case {"not": part}:
            return Node(mode="not", parts=[_node(part, currency)])
        case {"event": event, "op": op, "times": times}:
            days = document.get("days")
            return Node(subject=f"event:{event}", op=op, times=str(times), days="" if days is None else str(days))
        case _:
            return _attribute_node(document, currency)


def _attribute_node(document: dict[str, Any], currency: str) -> Node:
    node = Node(subject=f"attribute:{document['attribute']}", op=document["op"])
    value, scale = document.get("value"), _scale(node, currency)
    if node.operand is Operand.NUMBERS:
        node.value, node.value_to = (_written(end, scale) for end in value or ("", ""))
    elif node.operand is Operand.TEXTS:
        node.value = ", ".join(value or ())
    elif value is not None:
        node.value = _written(value, scale)
    return node


def _written(value: Any, scale: int) -> str:
    if not scale or not isinstance(value, int):
        return str(value)
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
