"""The editor's fields of a journey: a list of steps, each with fields of its kind, and what the buttons do to the list.

The fields of the third step end with ``.s2``, its content's too (`admin_ui.content_form`). Every step has a label while it is
edited, so that branches find it wherever it is moved; labels that nobody asked for and nothing leads to are not kept. A step
that the fields cannot say in full is kept as it is: it can be moved and taken away.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count as count_up
from typing import Any

import msgspec

from admin_ui import behaviour_form, condition_form, content_form
from admin_ui.content_form import Fields
from admin_ui.forms import Form
from admin_ui.i18n import mark
from admin_ui.rule_tree import Node
from admin_ui.trigger_form import UNITS
from campaigns.journey_checks import MOST_STEPS
from campaigns.steps import (
    Awaited,
    CallWebhook,
    Exit,
    GiveCoupon,
    GoTo,
    Part,
    Send,
    SetTrait,
    SplitRule,
    SplitShare,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)

KINDS: Mapping[str, tuple[str, str]] = {
    "send": (mark("Send a push"), "campaigns"),
    "wait": (mark("Wait"), "wait"),
    "wait_until": (mark("Wait until a time of day"), "wait"),
    "wait_event": (mark("Wait for an activity"), "app"),
    "split_rule": (mark("Divide by segment"), "branch"),
    "split_share": (mark("Divide by lot"), "branch"),
    "give_coupon": (mark("Give a coupon"), "coupon"),
    "set_trait": (mark("Change the profile"), "person"),
    "call_webhook": (mark("Call the webhooks"), "arrow"),
    "go_to": (mark("Go to a step"), "repeat"),
    "exit": (mark("End here"), "close"),
}
"""How the kinds of steps are called, and their icons, in the order in which they are offered."""
MOST_PARTS = 4
"""Ways of a division by lot that the editor has fields for."""
OWN = "own"
"""A rule that is more than one segment; it is kept as it is written."""
_AUTO = "auto-"

BLANK: Mapping[str, str] = {
    "step_kind": "send",
    "step_label": "",
    "step_kept": "",
    "step_length": "1",
    "step_unit": "days",
    "step_at": "12:00",
    "step_more": "0",
    "step_event": "Order Completed",
    "step_own": "",
    "step_timeout": "3",
    "step_timeout_unit": "days",
    "step_late": "",
    "step_rule": "",
    "step_own_rule": "",
    "step_otherwise": "",
    **{f"step_percent{number}": "50" if number < 2 else "" for number in range(MOST_PARTS)},  # noqa: PLR2004 - halves at first
    **{f"step_to{number}": "" for number in range(MOST_PARTS)},
    "step_to": "",
    "step_trait": "",
    "step_value": "",
    "step_coupon": "",
    "step_hook": "",
    "step_reason": "",
}  # fmt: skip
"""Every field of a step, but its content's."""

FIELD_OF: Mapping[str, str] = {
    "time": "step_length",
    "at": "step_at",
    "days": "step_more",
    "timeout": "step_timeout",
    "late": "step_late",
    "rule": "step_rule",
    "otherwise": "step_otherwise",
    "to": "step_to",
    "trait": "step_trait",
    "value": "step_value",
    "coupon_id": "step_coupon",
    "name": "step_hook",
    "reason": "step_reason",
    "parts": "step_percent0",
    "awaited": "step_own",
}
"""Fields of a step for the first part of a place within it."""

_TARGETS = ("step_late", "step_otherwise", "step_to", *(f"step_to{number}" for number in range(MOST_PARTS)))


def slot(place: int) -> str:
    """The end of the names of a step's fields."""
    return f".s{place}"


def read(form: Form, count: int) -> Fields:
    """The fields of so many steps, as they were typed."""
    found: Fields = {}
    for place in range(min(max(count, 0), MOST_STEPS)):
        own = {f"{name}{slot(place)}": value for name, value in {**BLANK, **content_form.BLANK}.items()}
        found |= {name: form.raw(name, value).strip() for name, value in own.items()}
        if found[f"step_kind{slot(place)}"] not in KINDS:
            found[f"step_kind{slot(place)}"] = "send"
    return found


def event_of(fields: Mapping[str, str], end: str) -> str:
    """The event that a step waits for."""
    return fields[f"step_own{end}"] if fields[f"step_event{end}"] == OWN else fields[f"step_event{end}"]


def wrong(fields: Mapping[str, str], count: int) -> list[str]:
    """Fields whose text is none of what they hold."""
    found: list[str] = []
    for end in map(slot, range(count)):
        match fields[f"step_kind{end}"] if not fields[f"step_kept{end}"] else "":
            case "send":
                found += content_form.wrong(fields, end)
            case "wait":
                found += [] if _whole(fields[f"step_length{end}"]) else [f"step_length{end}"]
            case "wait_until":
                found += [] if _whole(fields[f"step_more{end}"]) is not None else [f"step_more{end}"]
            case "wait_event":
                found += [] if _whole(fields[f"step_timeout{end}"]) else [f"step_timeout{end}"]
                found += [] if event_of(fields, end) else [f"step_own{end}"]
            case "split_rule":
                found += [] if fields[f"step_rule{end}"] else [f"step_rule{end}"]
            case "split_share":
                found += [
                    f"step_percent{n}{end}"
                    for n in range(MOST_PARTS)
                    if _number(fields[f"step_percent{n}{end}"]) is None
                ]
            case "go_to":
                found += [] if fields[f"step_to{end}"] else [f"step_to{end}"]
            case _:
                pass
    return found  # fmt: skip


def steps(fields: Mapping[str, str], awaits: Sequence[Node], count: int, currency: str) -> tuple[Step, ...]:
    """The steps that were typed; only where nothing is `wrong`."""
    used = {fields[f"{name}{slot(place)}"] for place in range(count) for name in _leads(fields, slot(place))}
    return tuple(_step(fields, awaits[place], place, used, currency) for place in range(count))


def _leads(fields: Mapping[str, str], end: str) -> Sequence[str]:
    """The fields of a step that name another, by its kind."""
    match fields[f"step_kind{end}"]:
        case "wait_event":
            return ("step_late",)
        case "split_rule":
            return ("step_otherwise",)
        case "split_share":
            return [f"step_to{n}" for n in range(MOST_PARTS) if fields[f"step_percent{n}{end}"]]
        case "go_to":
            return ("step_to",)
        case _:
            return ()


def _step(fields: Mapping[str, str], awaits: Node, place: int, used: set[str], currency: str) -> Step:
    own = {name: fields[f"{name}{slot(place)}"] for name in BLANK}
    label = own["step_label"]
    label = "" if label.startswith(_AUTO) and label not in used else label
    if own["step_kept"]:
        return msgspec.structs.replace(kept(fields, slot(place)), label=label)
    if own["step_kind"] == "send":
        return Send(label=label, content=content_form.read(fields, slot(place)))
    return _timed(own, awaits, label, currency) if own["step_kind"].startswith("wait") else _acting(own, label)


def kept(fields: Mapping[str, str], end: str) -> Step:
    """A step that is kept as it is."""
    step: Step = msgspec.json.decode(fields[f"step_kept{end}"], type=Step)
    return step


def _timed(own: Mapping[str, str], awaits: Node, label: str, currency: str) -> Step:
    match own["step_kind"]:
        case "wait":
            return Wait(label=label, time=_lasting(own["step_length"], own["step_unit"]))
        case "wait_until":
            return WaitUntil(label=label, at=own["step_at"], days=_whole(own["step_more"]) or 0)
        case _:
            return WaitEvent(
                label=label,
                awaited=awaited(event_of(own, ""), awaits, currency),
                timeout=_lasting(own["step_timeout"], own["step_timeout_unit"]),
                late=own["step_late"] or None,
            )


def awaited(event: str, filters: Node, currency: str) -> Awaited:
    """An event with the filters that were typed for it."""
    where = behaviour_form.document(filters, currency).get("where", {}) if filters.name == event else {}
    return Awaited(event=event, where=where)


def _acting(own: Mapping[str, str], label: str) -> Step:
    match own["step_kind"]:
        case "split_rule" | "split_share" | "go_to" as kind:
            return _leading(kind, own, label)
        case "set_trait":
            return SetTrait(label=label, trait=own["step_trait"], value=own["step_value"] or None)
        case "give_coupon":
            return GiveCoupon(label=label, coupon_id=own["step_coupon"])
        case "call_webhook":
            return CallWebhook(label=label, name=own["step_hook"])
        case _:
            return Exit(label=label, reason=own["step_reason"])


def _leading(kind: str, own: Mapping[str, str], label: str) -> Step:
    if kind == "go_to":
        return GoTo(label=label, to=own["step_to"])
    if kind == "split_rule":
        rule = json.loads(own["step_own_rule"]) if own["step_rule"] == OWN else {"segment": int(own["step_rule"])}
        return SplitRule(label=label, rule=rule, otherwise=own["step_otherwise"] or None)
    typed = [(_number(own[f"step_percent{n}"]) or 0.0, own[f"step_to{n}"]) for n in range(MOST_PARTS)]
    return SplitShare(
        label=label, parts=tuple(Part(percent=percent, to=to or None) for percent, to in typed if percent)
    )


def write(given: Sequence[Step]) -> Fields:
    """The fields of steps."""
    found: Fields = {}
    free = _free({step.label for step in given})
    for place, step in enumerate(given):
        own = {**BLANK, "step_kind": kind_of(step), "step_label": step.label or next(free), **_written(step)}
        found |= {f"{name}{slot(place)}": value for name, value in own.items()}
        if isinstance(step, Send):
            found |= content_form.write(step.content, slot(place))
    return found


def write_awaits(step: Step | Awaited | None, currency: str) -> Node:
    """The filters of an event that is waited for, as the builder has them."""
    event = step.awaited if isinstance(step, WaitEvent) else step
    if not isinstance(event, Awaited):
        return condition_form.new("event:Order Completed")
    document: dict[str, Any] = {"event": event.event, "where": dict(event.where), "op": ">=", "times": 1}
    return condition_form.settle(behaviour_form.read(document, currency))


def kind_of(step: Step) -> str:
    """A step's kind, as JSON has it."""
    return str(step.__struct_config__.tag)


def _written(step: Step) -> Fields:
    match step:
        case Wait(time=length):
            return dict(zip(("step_length", "step_unit"), lasting(length), strict=True))
        case WaitUntil(at=at, days=days):
            return {"step_at": at, "step_more": str(days)}
        case WaitEvent(awaited=event, timeout=length, late=late):
            known = event.event in {str(each.name) for each in behaviour_form.FOLLOWERS}
            named = {"step_event": event.event} if known else {"step_event": OWN, "step_own": event.event}
            length_fields = dict(zip(("step_timeout", "step_timeout_unit"), lasting(length), strict=True))
            return {**named, **length_fields, "step_late": late or ""}
        case SplitRule(rule=rule, otherwise=otherwise):
            plain = [*rule] == ["segment"] and isinstance(rule["segment"], int)
            own = {"step_rule": OWN, "step_own_rule": json.dumps(dict(rule), ensure_ascii=False)}
            return {**({"step_rule": str(rule["segment"])} if plain else own), "step_otherwise": otherwise or ""}
        case _:
            return _written_acting(step)


def _written_acting(step: Step) -> Fields:
    if isinstance(step, SplitShare) and len(step.parts) <= MOST_PARTS:
        percents = {f"step_percent{number}": "" for number in range(MOST_PARTS)}
        percents |= {f"step_percent{number}": f"{part.percent:g}" for number, part in enumerate(step.parts)}
        return {**percents, **{f"step_to{number}": part.to or "" for number, part in enumerate(step.parts)}}
    known = _written_words(step)
    kept = json.dumps(msgspec.to_builtins(step), ensure_ascii=False)
    return {"step_kept": kept} if known is None else known


def _written_words(step: Step) -> Fields | None:
    """The fields of a step that has one or two words; None where they cannot say it."""
    match step:
        case GoTo(to=to):
            return {"step_to": to}
        case SetTrait(trait=trait, value=str() | None as value) if value != "":
            return {"step_trait": trait, "step_value": value or ""}
        case GiveCoupon(coupon_id=coupon_id):
            return {"step_coupon": coupon_id}
        case CallWebhook(name=name):
            return {"step_hook": name}
        case Exit(reason=reason):
            return {"step_reason": reason}
        case _:
            return {} if isinstance(step, Send) and not step.variants else None


def lasting(length: timedelta) -> tuple[str, str]:
    """A length of time as a number and the largest unit that it is whole in."""
    unit = next((name for name in ("days", "hours", "minutes") if not length % UNITS[name]), "minutes")
    return str(length // UNITS[unit]), unit


def added(fields: Fields, count: int, kind: str) -> tuple[Fields, int]:
    """The fields with one more step at the end."""
    if count >= MOST_STEPS or kind not in KINDS:
        return fields, count
    taken = {fields[f"step_label{slot(place)}"] for place in range(count)}
    own = {**BLANK, **content_form.BLANK, "step_kind": kind, "step_label": next(_free(taken))}
    return {**fields, **{f"{name}{slot(count)}": value for name, value in own.items()}}, count + 1


def _free(taken: set[str]) -> Iterator[str]:
    """Labels that no step has, for steps that nobody named."""
    return (name for name in (f"{_AUTO}{number}" for number in count_up(1)) if name not in taken)


def moved(fields: Fields, place: int, by: int) -> Fields:
    """The fields with a step and the one above or below it in each other's place."""
    here, there = slot(place), slot(place + by)
    swapped = dict(fields)
    for name in (*BLANK, *content_form.BLANK):
        swapped[f"{name}{here}"] = fields.get(f"{name}{there}", content_form.BLANK.get(name, ""))
        swapped[f"{name}{there}"] = fields.get(f"{name}{here}", content_form.BLANK.get(name, ""))
    return swapped


def removed(fields: Fields, count: int, place: int) -> Fields:
    """The fields without a step; what led to it leads nowhere of its own any more."""
    gone = fields[f"step_label{slot(place)}"]
    for later in range(place, count - 1):
        fields = moved(fields, later, 1)
    end = slot(count - 1)
    kept = {name: value for name, value in fields.items() if not name.endswith(end)}
    targets = {f"{name}{slot(number)}" for number in range(count - 1) for name in _TARGETS}
    return {name: "" if name in targets and value == gone else value for name, value in kept.items()}


def _lasting(number: str, unit: str) -> timedelta:
    return (_whole(number) or 0) * UNITS.get(unit, timedelta(days=1))


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None  # noqa: PLR2004 - more is out of range anyway


def _number(text: str) -> float | None:
    return Form({"x": text}.items()).fraction("x") if text else 0.0
