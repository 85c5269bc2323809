"""The editor's fields of a journey: a list of steps, each with fields of its kind.

The fields of the third step end with ``.s2``, its content's too (`admin_ui.content_form`), and those of the second version that it
compares with ``.s2v1``. Every step has a label while it is edited, so that branches find it wherever it is moved; labels that
nobody asked for and nothing leads to are not kept. A step that the fields cannot say in full is kept as it is: it can be moved and
taken away. `admin_ui.journey_steps` makes steps of the fields, `admin_ui.journey_list` changes the list.
"""

from collections.abc import Iterator, Mapping
from itertools import count as count_up

from admin_ui import content_form
from admin_ui.content_form import Fields
from admin_ui.forms import Form
from admin_ui.i18n import mark
from campaigns.content import MOST_VARIANTS
from campaigns.journey_checks import MOST_STEPS

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
AUTO = "auto-"
"""Before the number of a label that nobody asked for."""

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
    **{f"step_percent{n}": "50" if n < 2 else "" for n in range(MOST_PARTS)},  # noqa: PLR2004 - halves at first
    **{f"step_to{n}": "" for n in range(MOST_PARTS)},
    "step_to": "",
    "step_trait": "",
    "step_value": "",
    "step_coupon": "",
    "step_hook": "",
    "step_reason": "",
    "step_variants": "1",
    "step_variant": "0",
}  # fmt: skip
"""Every field of a step, but those of what it says; ``step_variant`` is the version whose tab is open."""
VERSION: Mapping[str, str] = {**content_form.BLANK, "variant_name": "", "share": ""}
"""Every field of one version of what a step says."""

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


def slot(place: int, which: int = 0) -> str:
    """The end of the names of a step's fields, and of those of a version of what it says."""
    return f".s{place}v{which}" if which else f".s{place}"


def slots(fields: Mapping[str, str], place: int) -> list[str]:
    """The slots of the versions that a step compares, the first one first."""
    return [slot(place, which) for which in range(int(fields[f"step_variants{slot(place)}"]))]


def version_fields(place: int, which: int) -> Fields:
    """The fields of a new version."""
    return {f"{name}{slot(place, which)}": value for name, value in VERSION.items()}


def read(form: Form, count: int) -> Fields:
    """The fields of so many steps, as they were typed."""
    found: Fields = {}
    for place in range(min(max(count, 0), MOST_STEPS)):
        own, end = {f"{name}{slot(place)}": value for name, value in BLANK.items()}, slot(place)
        found |= {name: form.raw(name, value).strip() for name, value in own.items()}
        found[f"step_variants{end}"] = str(min(max(whole(found[f"step_variants{end}"]) or 1, 1), MOST_VARIANTS))
        found[f"step_variant{end}"] = str(min(whole(found[f"step_variant{end}"]) or 0, MOST_VARIANTS - 1))
        for which in range(len(slots(found, place))):
            found |= {name: form.raw(name, value).strip() for name, value in version_fields(place, which).items()}
        if found[f"step_kind{slot(place)}"] not in KINDS:
            found[f"step_kind{slot(place)}"] = "send"
    return found


def event_of(fields: Mapping[str, str], end: str) -> str:
    """The event that a step waits for."""
    return fields[f"step_own{end}"] if fields[f"step_event{end}"] == OWN else fields[f"step_event{end}"]


def wrong(fields: Mapping[str, str], count: int) -> list[str]:
    """Fields whose text is none of what they hold."""
    found: list[str] = []
    for place, end in enumerate(map(slot, range(count))):
        match fields[f"step_kind{end}"] if not fields[f"step_kept{end}"] else "":
            case "send":
                versions = slots(fields, place)
                found += [name for each in versions for name in content_form.wrong(fields, each)]
                found += [
                    f"share{each}" for each in versions if len(versions) > 1 and not number(fields[f"share{each}"])
                ]
            case "wait":
                found += [] if whole(fields[f"step_length{end}"]) else [f"step_length{end}"]
            case "wait_until":
                found += [] if whole(fields[f"step_more{end}"]) is not None else [f"step_more{end}"]
            case "wait_event":
                found += [] if whole(fields[f"step_timeout{end}"]) else [f"step_timeout{end}"]
                found += [] if event_of(fields, end) else [f"step_own{end}"]
            case "split_rule":
                found += [] if fields[f"step_rule{end}"] else [f"step_rule{end}"]
            case "split_share":
                found += [
                    f"step_percent{n}{end}"
                    for n in range(MOST_PARTS)
                    if number(fields[f"step_percent{n}{end}"]) is None
                ]
            case "go_to":
                found += [] if fields[f"step_to{end}"] else [f"step_to{end}"]
            case _:
                pass
    return found  # fmt: skip


def unused_labels(taken: set[str]) -> Iterator[str]:
    """Labels that no step has, for steps that nobody named."""
    return (name for name in (f"{AUTO}{n}" for n in count_up(1)) if name not in taken)


def whole(text: str) -> int | None:
    """A text as a whole number; None where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None  # noqa: PLR2004 - more is out of range anyway


def number(text: str) -> float | None:
    """A text as a number, 0 for an empty one; None where it is none."""
    return Form({"x": text}.items()).fraction("x") if text else 0.0
