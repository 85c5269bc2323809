"""A journey's steps out of the editor's fields, and the fields of steps; see `admin_ui.journey_form`."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from admin_ui import behaviour_document, behaviour_form, condition_form, content_form, journey_form
from admin_ui.content_form import Fields
from admin_ui.journey_form import AUTO, BLANK, MOST_PARTS, OWN, event_of, number, slot, slots, unused_labels, whole
from admin_ui.rule_tree import Node
from admin_ui.trigger_form import UNITS
from campaigns.content import Content, Variant
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
    label = "" if label.startswith(AUTO) and label not in used else label
    if own["step_kept"]:
        return msgspec.structs.replace(kept(fields, slot(place)), label=label)
    if own["step_kind"] == "send":
        return _send(fields, place, label)
    return _timed(own, awaits, label, currency) if own["step_kind"].startswith("wait") else _acting(own, label)


def _send(fields: Mapping[str, str], place: int, label: str) -> Send:
    """One content, or those that are compared."""
    versions = slots(fields, place)
    if len(versions) == 1:
        return Send(label=label, content=content_form.read(fields, versions[0]))
    compared = [
        Variant(
            name=fields[f"variant_name{each}"],
            share=number(fields[f"share{each}"]) or 0.0,
            content=content_form.read(fields, each),
        )
        for each in versions
    ]
    return Send(label=label, content=Content(), variants=tuple(compared))


def kept(fields: Mapping[str, str], end: str) -> Step:
    """A step that is kept as it is."""
    step: Step = msgspec.json.decode(fields[f"step_kept{end}"], type=Step)
    return step


def _timed(own: Mapping[str, str], awaits: Node, label: str, currency: str) -> Step:
    match own["step_kind"]:
        case "wait":
            return Wait(label=label, time=_lasting(own["step_length"], own["step_unit"]))
        case "wait_until":
            return WaitUntil(label=label, at=own["step_at"], days=whole(own["step_more"]) or 0)
        case _:
            return WaitEvent(
                label=label,
                awaited=awaited(event_of(own, ""), awaits, currency),
                timeout=_lasting(own["step_timeout"], own["step_timeout_unit"]),
                late=own["step_late"] or None,
            )


def awaited(event: str, filters: Node, currency: str) -> Awaited:
    """An event with the filters that were typed for it."""
    where = behaviour_document.document(filters, currency).get("where", {}) if filters.name == event else {}
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
    typed = [(number(own[f"step_percent{n}"]) or 0.0, own[f"step_to{n}"]) for n in range(MOST_PARTS)]
    return SplitShare(
        label=label, parts=tuple(Part(percent=percent, to=to or None) for percent, to in typed if percent)
    )


def write(given: Sequence[Step]) -> Fields:
    """The fields of steps."""
    found: Fields = {}
    free = unused_labels({step.label for step in given})
    for place, step in enumerate(given):
        own = {**BLANK, "step_kind": kind_of(step), "step_label": step.label or next(free), **_written(step)}
        found |= {f"{name}{slot(place)}": value for name, value in own.items()}
        if isinstance(step, Send):
            found |= _written_send(step, place)
    return found


def _written_send(step: Send, place: int) -> Fields:
    if not step.variants:
        return journey_form.version_fields(place, 0) | content_form.write(step.content, slot(place))
    found: Fields = {f"step_variants{slot(place)}": str(len(step.variants))}
    for which, variant in enumerate(step.variants):
        end = slot(place, which)
        named = {f"variant_name{end}": variant.name, f"share{end}": f"{variant.share:g}"}
        found |= content_form.write(variant.content, end) | named
    return found


def write_awaits(step: Step | Awaited | None, currency: str) -> Node:
    """The filters of an event that is waited for, as the builder has them."""
    event = step.awaited if isinstance(step, WaitEvent) else step
    if not isinstance(event, Awaited):
        return condition_form.new("event:Order Completed")
    document: dict[str, Any] = {"event": event.event, "where": dict(event.where), "op": ">=", "times": 1}
    return condition_form.settle(behaviour_document.read(document, currency))


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
        percents = {f"step_percent{n}": "" for n in range(MOST_PARTS)}
        percents |= {f"step_percent{n}": f"{part.percent:g}" for n, part in enumerate(step.parts)}
        return {**percents, **{f"step_to{n}": part.to or "" for n, part in enumerate(step.parts)}}
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
            return {} if isinstance(step, Send) else None


def lasting(length: timedelta) -> tuple[str, str]:
    """A length of time as a number and the largest unit that it is whole in."""
    unit = next((name for name in ("days", "hours", "minutes") if not length % UNITS[name]), "minutes")
    return str(length // UNITS[unit]), unit


def _lasting(number: str, unit: str) -> timedelta:
    return (whole(number) or 0) * UNITS.get(unit, timedelta(days=1))
