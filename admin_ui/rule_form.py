"""The segment builder's form: a tree of groups and conditions as fields, and as the JSON of a rule.

What was typed is kept as it was typed, right or wrong; an error belongs to the condition that has it.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from admin_ui import condition_form, rule_tree
from admin_ui.forms import Form
from admin_ui.i18n import mark
from admin_ui.rule_tree import MODES, ROOT, Edit, Node, placed, walk
from segments.errors import RuleError
from segments.rules.parse import parse
from segments.rules.rule import Rule

_EMPTY_GROUP = mark("Add a condition to this group, or remove it.")
_TOO_MUCH = mark("The rule is too large: at most 200 conditions in 10 levels.")
_MOST_REMOVED = 10
_LONGEST_REMOVED = 20_000
_TICKED = "has"
"""The last part of the names of boxes, of which any number may be ticked."""


def blank() -> Node:
    """A new tree: everyone, with one condition to begin with."""
    return placed(Node(mode="all", parts=[condition_form.new("")]))


def read(form: Form) -> Node:
    """The tree that a form holds."""
    return placed(_read(_by_place(form.fields), ROOT))


def edit(tree: Node, action: str) -> Edit:
    """The tree after a button, see `admin_ui.rule_tree`."""
    done = rule_tree.edit(tree, action, new=condition_form.new)
    for node in walk(done.tree):
        if not node.mode:
            condition_form.settle(node)
    return done


def to_rule(tree: Node, currency: str) -> Rule | None:
    """The rule of a tree; None where something is wrong, which is then noted on its conditions."""
    for node in walk(tree):
        node.error, node.wrong_field = _problem(node, currency, is_root=node is tree)
    if tree.wrong:
        return None
    try:
        return parse(document_of(tree, currency))
    except RuleError:
        tree.error = _TOO_MUCH
        return None


def document_of(node: Node, currency: str) -> dict[str, Any]:
    """The JSON of a tree."""
    if not node.mode:
        return condition_form.document(node, currency)
    parts = [document_of(part, currency) for part in node.parts]
    if node.mode == "not":
        return {"not": parts[0] if len(parts) == 1 else {"any": parts}}
    return {node.mode: parts}


def from_document(document: dict[str, Any], currency: str) -> Node:
    """The tree of a rule's JSON; a rule that is not a group becomes the only part of one."""
    tree = _node(document, currency)
    return placed(tree if tree.mode else Node(mode="all", parts=[tree]))


def blame(tree: Node, place: str, said: str) -> None:
    """Put an error on the node at a place of the rule's JSON, written as ``all[1].segment``."""
    node = tree
    for step in re.findall(r"\d+|not", place):
        if step.isdecimal() and int(step) < len(node.parts):
            node = node.parts[int(step)]
        elif step == "not" and node.mode == "not" and len(node.parts) == 1:
            node = node.parts[0]
    node.error = said


def kept(removed: list[Node]) -> str:
    """What was removed, as a field of the form, so that it can be put back: the newest last."""
    told = [{"place": node.place, "fields": fields_of(node)} for node in removed[-_MOST_REMOVED:]]
    while told and len(text := json.dumps(told, ensure_ascii=False, separators=(",", ":"))) > _LONGEST_REMOVED:
        told.pop(0)
    return text if told else ""


def removed_before(text: str) -> list[Node]:
    """What a form says was removed; nothing where it does not stand."""
    try:
        return [_restored(each["place"], each["fields"]) for each in json.loads(text or "[]")][-_MOST_REMOVED:]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def fields_of(node: Node) -> list[tuple[str, str]]:
    """The fields of a node and everything below it, as the page sends them."""
    if node.mode:
        own = [(f"mode.{node.place}", node.mode)]
        return own + [field for part in node.parts for field in fields_of(part)]
    boxes = [(f"{name}.{node.place}", value) for name, values in node.ticked.items() for value in values]
    return [(f"subject.{node.place}", node.subject), *((f"{k}.{node.place}", v) for k, v in node.typed.items()), *boxes]


def _restored(place: str, fields: list[list[str]]) -> Node:
    if not str(place).startswith(f"{ROOT}-"):
        raise ValueError(place)
    node = _read(_by_place([(str(name), str(value)) for name, value in fields]), place)
    node.place = place
    return node


_Fields = dict[str, tuple[dict[str, str], dict[str, tuple[str, ...]]]]
"""By place: what was typed, and what was ticked."""


def _by_place(fields: Iterable[tuple[str, str]]) -> _Fields:
    found: _Fields = {}
    for name, value in fields:
        what, dot, place = name.partition(".")
        if not dot or (place != ROOT and not place.startswith(f"{ROOT}-")):
            continue
        typed, ticked = found.setdefault(place, ({}, {}))
        if what.rpartition("-")[2] == _TICKED:
            ticked[what] = tuple(dict.fromkeys([*ticked.get(what, ()), value]))
        else:
            typed[what] = value.strip()
    return found


def _read(fields: _Fields, place: str) -> Node:
    typed, ticked = fields.get(place, ({}, {}))
    if typed.get("mode") not in MODES and place != ROOT:
        own = {what: value for what, value in typed.items() if what not in ("mode", "subject")}
        return condition_form.settle(Node(subject=typed.get("subject", ""), typed=own, ticked=ticked))
    parts: list[Node] = []
    while f"{place}-{len(parts)}" in fields:
        parts.append(_read(fields, f"{place}-{len(parts)}"))
    return Node(mode=typed.get("mode", "all") if typed.get("mode") in MODES else "all", parts=parts)


def _problem(node: Node, currency: str, *, is_root: bool) -> tuple[str, str]:
    if not node.mode:
        return condition_form.problem(node, currency)
    return ("" if node.parts or (is_root and node.mode == "all") else _EMPTY_GROUP), ""


def _node(document: dict[str, Any], currency: str) -> Node:
    match document:
        case {"all": parts}:
            return Node(mode="all", parts=[_node(part, currency) for part in parts])
        case {"any": parts} | {"not": {"any": parts}}:
            mode = "not" if "not" in document else "any"
            return Node(mode=mode, parts=[_node(part, currency) for part in parts])
        case {"not": part}:
            return Node(mode="not", parts=[_node(part, currency)])
        case _:
            return condition_form.settle(condition_form.read(document, currency))
