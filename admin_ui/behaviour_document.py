"""A condition on behaviour between the builder's fields and its JSON."""

from collections.abc import Mapping
from typing import Any

from admin_ui import own_filter_form as own
from admin_ui import typed_values
from admin_ui.behaviour_form import counted, is_amount, is_number, measure, measured, operand, scale_of
from admin_ui.rule_tree import Node, filters_of
from segments.event_properties import is_own
from segments.rules.behaviour import NUMBERS
from segments.rules.operators import Operand


def document(node: Node, currency: str) -> dict[str, Any]:
    """The JSON of the condition."""
    where = _where(node, "f", node.name, currency)
    follow = {"then": _then(node, currency)} if node.get("then") else {}
    return {"event": node.name, **({"where": where} if where else {}), **follow, **_asked(node, currency)}


def _asked(node: Node, currency: str) -> dict[str, Any]:
    asked, op, value = measure(node), node.get("op"), node.get("value")
    scale = scale_of(counted(node), currency) if is_amount(node) else 0
    match asked:
        case "times":
            return {"op": op, "times": typed_values.number(value), **_window(node)}
        case "sum" | "max":
            typed_ends = [node.get(what) for what in ("value", "value_to")]
            in_own = is_own(measured(node))
            ends = [typed_values.decimal(end) if in_own else typed_values.number(end, scale) for end in typed_ends]
            return {asked: measured(node), "op": op, "value": ends if op == "between" else ends[0], **_window(node)}
        case "first" | "last":
            typed = value if operand(node) is Operand.DATE else typed_values.number(value)
            return {"when": asked, "op": op, "value": typed}
        case "in_periods":
            least, of_last = (typed_values.number(node.get(what)) for what in ("least", "of_last"))
            return {"in_periods": least, "of_last": of_last, "unit": node.get("unit")}
        case _:
            return {"change": asked, "days": typed_values.number(value)}


def _window(node: Node) -> dict[str, Any]:
    match node.get("window"):
        case "dates":
            ends = {"from": node.get("from"), "to": node.get("to")}
            return {name: day for name, day in ends.items() if day} or {"from": ""}
        case "days" | "weeks" | "hours" | "minutes" as unit:
            return {unit: typed_values.number(node.get("span"))}
        case _:
            return {}


def _where(node: Node, prefix: str, event: str, currency: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in filters_of(node, prefix):
        name = node.get(f"{each}-name")
        found[f"{name}?" if name in found else name] = _filter(node, each, event, currency)
    return found


def _filter(node: Node, which: str, event: str, currency: str) -> Any:
    if own.is_of_own(node, which):
        return own.document(node, which)
    op = node.get(f"{which}-op")
    if not is_number(node, which):
        named = typed_values.texts(node.boxes(f"{which}-has"), node.get(f"{which}-value"))
        return {"not_in": named} if op == "not_in" else named
    scale = scale_of(event, currency) if node.get(f"{which}-name") == "amount" else 0
    ends = [typed_values.number(node.get(f"{which}-{what}"), scale) for what in ("value", "value_to")]
    return {op: ends if op == "between" else ends[0]}


def _then(node: Node, currency: str) -> dict[str, Any]:
    event = node.get("then")
    where = _where(node, "t", event, currency)
    unit = "days" if node.get("then-unit") == "days" else "hours"
    within = {f"within_{unit}": typed_values.number(node.get("then-span"))}
    return {"event": event, **({"where": where} if where else {}), **within}


def read(document: Mapping[str, Any], currency: str) -> Node:
    """The fields of a condition's JSON."""
    event = document["event"]
    node = Node(subject=f"event:{event}")
    scale = scale_of(event, currency)
    of_amount = "amount" in (document.get("sum"), document.get("max"))
    asked_scale = scale_of((document.get("then") or document)["event"], currency) if of_amount else 0
    node.typed |= _read_asked(document, asked_scale) | _read_window(document)
    _read_where(node, "f", document.get("where") or {}, scale)
    if follow := document.get("then"):
        days = follow.get("within_days")
        span = days if days is not None else follow.get("within_hours", 24)
        unit = "hours" if days is None else "days"
        if unit == "hours" and span % 24 == 0:
            span, unit = span // 24, "days"
        node.typed |= {"then": follow["event"], "then-span": str(span), "then-unit": unit}
        _read_where(node, "t", follow.get("where") or {}, scale_of(follow["event"], currency))
    return node


def _read_asked(document: Mapping[str, Any], scale: int) -> dict[str, str]:
    match document:
        case {"times": times, "op": op}:
            return {"measure": "times", "op": op, "value": str(times)}
        case {"when": which, "op": op, "value": value}:
            return {"measure": which, "op": op, "value": str(value)}
        case {"in_periods": least, "of_last": of_last, "unit": unit}:
            return {"measure": "in_periods", "least": str(least), "of_last": str(of_last), "unit": unit}
        case {"change": change, "days": days}:
            return {"measure": change, "value": str(days)}
        case _:
            ends = document["value"] if isinstance(document["value"], list) else [document["value"]]
            typed = dict(zip(("value", "value_to"), (typed_values.written(end, scale) for end in ends), strict=False))
            asked = "sum" if "sum" in document else "max"
            return {"measure": asked, "measured": document[asked], "op": document["op"], **typed}


def _read_window(document: Mapping[str, Any]) -> dict[str, str]:
    if "from" in document or "to" in document:
        return {"window": "dates", "from": document.get("from") or "", "to": document.get("to") or ""}
    if "change" in document:
        return {}
    unit = next((unit for unit in ("days", "weeks", "hours", "minutes") if document.get(unit) is not None), None)
    return {"window": unit, "span": str(document[unit])} if unit else {"window": "ever"}


def _read_where(node: Node, prefix: str, where: Mapping[str, Any], scale: int) -> None:
    for number, (name, asked) in enumerate(where.items()):
        which = f"{prefix}{number}"
        node.typed[f"{which}-name"] = name
        if is_own(name):
            own.read(node, which, asked)
            continue
        op, value = next(iter(asked.items())) if isinstance(asked, dict) else ("in", asked)
        node.typed[f"{which}-op"] = op
        if name in NUMBERS:
            ends = value if isinstance(value, list) else [value]
            places = scale if name == "amount" else 0
            for what, end in zip(("value", "value_to"), ends, strict=False):
                node.typed[f"{which}-{what}"] = typed_values.written(end, places)
        else:
            node.ticked[f"{which}-has"] = tuple(value) if isinstance(value, list) else (str(value),)
