"""The campaign editor's form: fields as they are typed, the draft they make, and what its buttons do to them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from admin_ui import content_form, repetition_form, rule_form, trigger_form
from admin_ui.campaign_words import SENTENCES
from admin_ui.content_form import FIRST, Fields
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say
from admin_ui.rule_tree import Node, placed
from campaigns.campaign import Content, Devices, Draft, Policy, Priority, QuietPolicy, Variant, check_draft
from campaigns.content import MOST_VARIANTS
from campaigns.errors import DraftIncomplete
from campaigns.templates import check_content
from campaigns.trigger import Kind, OnEvent

OWN: Mapping[str, str] = {
    "name": "",
    "tags": "",
    "hypothesis": "",
    "goal_target": "",
    "segment_id": "",
    "holdout_percent": "5",
    "conversion_event": "Order Completed",
    "own_conversion": "",
    "conversion_days": "7",
    "expires_hours": "24",
    "priority": str(Priority.NORMAL),
    "devices": str(Devices.NEWEST),
    "quiet": str(QuietPolicy.HOLD),
    "own_zone": "on",
    "rate": "",
    "policy": str(Policy.ONCE),
    "names_on_lock_screen": "",
    "variants": "1",
    "variant": "0",
    "phone": "ios",
    "screen": "light",
}
FIELDS: Mapping[str, str] = {**OWN, **trigger_form.BLANK, **content_form.BLANK}
"""Every field of an editor with one content, with what stands in it at first."""

STEPS = ("content", "audience", "timing")
"""The steps that are one form; the fourth, the check, is a page of its own."""

_AUDIENCE = frozenset(
    {
        "segment_id",
        "segment_again",
        "priority",
        "holdout_percent",
        "conversion_event",
        "own_conversion",
        "conversion_days",
        "goal_target",
        "hypothesis",
    }
)
_TIMING = frozenset({*trigger_form.BLANK, "filters", "expires_hours", "rate", "quiet", "own_zone", "devices", "policy"})
_CHOICES: Mapping[str, Collection[str]] = {
    "kind": trigger_form.KINDS,
    "freq": (*repetition_form.FREQUENCIES, repetition_form.OWN),
    "monthly_by": repetition_form.MONTHLY_BY,
    "nth": repetition_form.NTH,
    "nth_day": repetition_form.WEEKDAYS,
    "delay_unit": trigger_form.UNITS,
    "change": trigger_form.CHANGES,
    "date_of": trigger_form.DATE_NAMES,
    "date_side": trigger_form.SIDES,
    "reentry": trigger_form.REENTRIES,
    "priority": [*Priority],
    "devices": [*Devices],
    "quiet": [*QuietPolicy],
    "policy": [*Policy],
    "phone": ("ios", "android"),
    "screen": ("light", "dark"),
}
"""Fields that hold one of a few words; anything else becomes what stands in it at first."""
_FLAGS = ("own_zone", "names_on_lock_screen")
_SEVERAL = ("weekdays",)
_PLACE = re.compile(r"(?:variants\[(?P<variant>\d+)\]\.)?content(?:\.(?P<rest>.*))?")
_NAMES = "ABCDE"

_FIELD_OF: Mapping[str, str] = {
    **trigger_form.FIELD_OF,
    "expires_after": "expires_hours",
    "rate_per_minute": "rate",
    "variants": "variants",
}
"""Fields of a draft that are called differently in the form."""


@dataclass(slots=True)
class Editor:
    """An editor as it was typed.

    Attributes:
        fields: by name; those of a content end with its slot, see `admin_ui.content_form`.
        filters: of the event that begins it, in the form of the segment builder; at place ``r-0``.
    """

    fields: Fields = field(default_factory=lambda: dict(FIELDS))
    filters: Node = field(default_factory=lambda: trigger_form.condition(FIELDS, None))

    @property
    def slots(self) -> list[str]:
        """The slots of its contents, the first one first."""
        return [slot(place) for place in range(int(self.fields["variants"]))]

    @property
    def shown(self) -> str:
        """The slot of the content whose tab is open."""
        return self.slots[min(int(self.fields["variant"]), len(self.slots) - 1)]


def slot(place: int) -> str:
    """The slot of the content at a place."""
    return f".{place}" if place else FIRST


def new(*, segment_id: str, today: date) -> Editor:
    """The editor of a campaign that is begun."""
    return _settled(Editor({**FIELDS, "segment_id": segment_id, "starts_day": today.isoformat()}))


def read(form: Form) -> Editor:
    """The editor that a form holds."""
    fields = {name: form.raw(name, default).strip() for name, default in FIELDS.items()}
    fields |= {name: "on" if form.flag(name) else "" for name in _FLAGS}
    fields |= {name: ",".join(form.all(name)) for name in _SEVERAL if name in form or fields["freq"] == "WEEKLY"}
    fields |= {name: FIELDS[name] for name, known in _CHOICES.items() if fields[name] not in known}
    count = form.whole("variants") or 1
    fields["variants"] = str(min(max(count, 1), MOST_VARIANTS))
    fields["variant"] = str(min(max(form.whole("variant") or 0, 0), MOST_VARIANTS - 1))
    for place in range(int(fields["variants"])):
        end = slot(place)
        fields |= {name: form.raw(name, default).strip() for name, default in _slot_fields(end).items()}
    parts = rule_form.read(form).parts
    return _settled(Editor(fields, parts[0] if parts else trigger_form.condition(fields, None)))


def act(editor: Editor, action: str) -> Editor:
    """The editor after a button: ``variant:add``, ``variant:remove:1``, or one of the builder's for filters."""
    verb, _, rest = action.partition(":")
    if verb == "variant":
        what, _, place = rest.partition(":")
        return (
            _with_variant(editor)
            if what == "add"
            else _without_variant(editor, int(place) if place.isdecimal() else -1)
        )
    done = rule_form.edit(Node(mode="all", parts=[editor.filters]), action)
    editor.filters = done.tree.parts[0] if done.tree.parts else editor.filters
    return _settled(editor)


def from_draft(draft: Draft, *, zone: str, currency: str, now: datetime) -> Editor:
    """The editor of a draft that is kept."""
    fields = {**FIELDS, **trigger_form.write(draft.trigger, draft.reentry, draft.scheduled_at, zone=zone, today=now)}
    fields |= {
        "name": draft.name,
        "tags": ", ".join(draft.tags),
        "hypothesis": draft.hypothesis,
        "goal_target": "" if draft.goal_target is None else f"{draft.goal_target:g}",
        "segment_id": "" if draft.segment_id is None else str(draft.segment_id),
        "holdout_percent": f"{draft.holdout_percent:g}",
        "conversion_event": draft.conversion_event,
        "conversion_days": str(draft.conversion_days),
        "expires_hours": f"{draft.expires_after.total_seconds() / 3600:g}",
        "priority": str(draft.priority),
        "devices": str(draft.devices),
        "quiet": str(draft.quiet),
        "own_zone": "on" if draft.own_zone else "",
        "rate": "" if draft.rate_per_minute is None else str(draft.rate_per_minute),
        "policy": str(draft.policy),
        "names_on_lock_screen": "on" if draft.names_on_lock_screen else "",
        "variants": str(len(draft.variants) or 1),
    }
    for place, (_, content) in enumerate(draft.contents()):
        fields |= content_form.write(content, slot(place))
    for place, variant in enumerate(draft.variants):
        fields |= {f"variant_name{slot(place)}": variant.name, f"share{slot(place)}": f"{variant.share:g}"}
    filters = trigger_form.write_filters(draft.trigger, currency) if isinstance(draft.trigger, OnEvent) else None
    return _settled(Editor(fields, filters or trigger_form.condition(fields, None)))


def to_draft(editor: Editor, *, zone: str, currency: str, now: datetime, say: Say) -> tuple[Draft | None, Errors]:
    """The draft of an editor, or what is wrong with which field."""
    wrong = _wrong(editor, zone=zone, now=now)
    if wrong:
        return None, {name: say(SENTENCES[_plain(name)]) for name in wrong}
    fields = editor.fields
    draft = Draft(
        name=fields["name"],
        segment_id=_whole(fields["segment_id"]),
        content=content_form.read(fields, FIRST) if not _compares(editor) else Content(),
        holdout_percent=_number(fields["holdout_percent"]) or 0.0,
        policy=Policy(fields["policy"]),
        conversion_event=conversion(fields),
        conversion_days=_whole(fields["conversion_days"]) or 0,
        scheduled_at=trigger_form.begins(fields, zone),
        expires_after=timedelta(hours=_number(fields["expires_hours"]) or 0),
        trigger=trigger_form.trigger(fields, editor.filters, zone=zone, currency=currency),
        reentry=trigger_form.reentry(fields),
        variants=_variants(editor),
        priority=Priority(fields["priority"]),
        devices=Devices(fields["devices"]),
        quiet=QuietPolicy(fields["quiet"]),
        own_zone=bool(fields["own_zone"]),
        rate_per_minute=_whole(fields["rate"]),
        hypothesis=fields["hypothesis"],
        goal_target=_number(fields["goal_target"]),
        tags=tuple(tags(fields["tags"])),
        names_on_lock_screen=bool(fields["names_on_lock_screen"]),
    )
    try:
        check_draft(draft)
        for place, content in draft.contents():
            check_content(content, field=place)
    except DraftIncomplete as error:
        return None, {field_of(error.field): refused(error.field, error.message, say)}
    return draft, {}


def conversion(fields: Mapping[str, str]) -> str:
    """The event that counts as success, chosen or written."""
    return fields["own_conversion"] if fields["conversion_event"] == "own" else fields["conversion_event"]


def tags(text: str) -> list[str]:
    """The tags of a text with commas between them."""
    return [tag.strip() for tag in re.split(r"[,、，\n]", text) if tag.strip()]


def refused(path: str, message: str, say: Say) -> str:
    """What to say of a refusal at a place in a draft."""
    name = _plain(field_of(path))
    if path == "segment_id" and "begins" in message:
        name = "segment_again"
    if "copy" in message:
        name = "counted"
    if name in SENTENCES:
        return say(SENTENCES[name])
    if message.startswith(("write a ", "Write a ")):
        return say("Write a title and a body, or leave this language empty.")
    return say("This text cannot be used: %(reason)s.", reason=message.rstrip("."))


def field_of(path: str) -> str:
    """The form's field for a place in a draft, such as ``variants[1].content.ja.title``."""
    if path in _FIELD_OF or path in FIELDS:
        return _FIELD_OF.get(path, path)
    if content := _PLACE.fullmatch(path):
        return content_form.field_of(content["rest"] or "content") + slot(int(content["variant"] or 0))
    if variant := re.fullmatch(r"variants\[(\d+)\]\.(share|name)", path):
        return ("share" if variant[2] == "share" else "variant_name") + slot(int(variant[1]))
    if path.startswith("trigger.where"):
        return "filters"
    return path.partition("[")[0].partition(".")[0] or "form"


def first_step(errors: Errors, wanted: str = "") -> str:
    """The step to open: the first one with an error, else the one that was wanted."""
    steps = {_step_of(name) for name in errors}
    return next((step for step in STEPS if step in steps), wanted if wanted in STEPS else STEPS[0])


def opened(editor: Editor, errors: Errors) -> Editor:
    """The editor with the tabs open that hold an error."""
    for name in errors:
        plain, _, place = name.partition(".")
        if plain in content_form.BLANK or plain in ("share", "variant_name", "content"):
            editor.fields["variant"] = place or "0"
            language = re.search(r"(?:^|_)(ja|en)_(?:title|body)", plain)
            if language:
                editor.fields[f"shown{slot(int(place or 0))}"] = language[1]
            break
    return editor


def _step_of(name: str) -> str:
    plain = name.partition(".")[0]
    return "audience" if plain in _AUDIENCE else "timing" if plain in _TIMING else "content"


def _plain(name: str) -> str:
    """The field whose sentence is said: without its slot, and one for all parts of buttons and platforms."""
    plain = name.partition(".")[0]
    if plain.startswith("button") and not plain.endswith("_link"):
        return "button_label"
    for end in ("link", "image", "sound"):
        if plain.endswith(f"_{end}"):
            return "sound_name" if end == "sound" else end
    if plain in ("sound", "channel", "category"):
        return "sound_name"
    return {"own_conversion": "conversion_event"}.get(plain, plain)


def _wrong(editor: Editor, *, zone: str, now: datetime) -> list[str]:
    fields, wrong = editor.fields, []
    numbers: dict[str, object] = {
        "holdout_percent": _number(fields["holdout_percent"]),
        "conversion_days": _whole(fields["conversion_days"]),
        "expires_hours": _number(fields["expires_hours"]),
        "rate": _whole(fields["rate"]) if fields["rate"] else 1,
        "goal_target": _number(fields["goal_target"]) if fields["goal_target"] else 1,
    }
    if not fields["name"]:
        wrong.append("name")
    if _whole(fields["segment_id"]) is None and fields["kind"] not in (Kind.EVENT, Kind.SEGMENT):
        wrong.append("segment_id")
    if not conversion(fields):
        wrong.append("conversion_event")
    wrong += [name for name, value in numbers.items() if value is None]
    for each in editor.slots:
        wrong += content_form.wrong(fields, each)
    if _compares(editor):
        wrong += [f"share{each}" for each in editor.slots if _number(fields[f"share{each}"]) is None]
    wrong += trigger_form.wrong(fields, zone=zone, now=now)
    return wrong


def _compares(editor: Editor) -> bool:
    return len(editor.slots) > 1


def _variants(editor: Editor) -> tuple[Variant, ...]:
    if not _compares(editor):
        return ()
    fields = editor.fields
    return tuple(
        Variant(
            name=fields[f"variant_name{each}"],
            share=_number(fields[f"share{each}"]) or 0.0,
            content=content_form.read(fields, each),
        )
        for each in editor.slots
    )


def _with_variant(editor: Editor) -> Editor:
    """One more version to compare: begun as a copy of the one that is shown, all shares even."""
    count = len(editor.slots)
    if count < MOST_VARIANTS:
        new = slot(count)
        for name in content_form.BLANK:
            editor.fields[f"{name}{new}"] = editor.fields[f"{name}{editor.shown}"]
        editor.fields[f"variant_name{new}"] = next(name for name in _NAMES if name not in _names(editor))
        editor.fields |= {"variants": str(count + 1), "variant": str(count)}
        _share_evenly(editor)
    return editor


def _without_variant(editor: Editor, place: int) -> Editor:
    count = len(editor.slots)
    if not 0 <= place < count or count == 1:
        return editor
    for moved in range(place, count - 1):
        for name in _slot_fields(FIRST):
            editor.fields[f"{name}{slot(moved)}"] = editor.fields[f"{name}{slot(moved + 1)}"]
    editor.fields |= {"variants": str(count - 1), "variant": str(min(place, count - 2))}
    _share_evenly(editor)
    return editor


def _share_evenly(editor: Editor) -> None:
    count = len(editor.slots)
    for place, each in enumerate(editor.slots):
        editor.fields[f"share{each}"] = str(100 // count + (place < 100 % count))


def _names(editor: Editor) -> list[str]:
    return [editor.fields[f"variant_name{each}"] for each in editor.slots]


def _slot_fields(end: str) -> Fields:
    place = int(end[1:] or 0)
    return {**content_form.blank(end), f"variant_name{end}": _NAMES[place], f"share{end}": ""}


def _settled(editor: Editor) -> Editor:
    """The editor with a place for its filters, and with every field that its parts need."""
    editor.filters = trigger_form.condition(editor.fields, editor.filters)
    placed(Node(mode="all", parts=[editor.filters]))
    for each in editor.slots:
        for name, value in _slot_fields(each).items():
            editor.fields.setdefault(name, value)
    return editor


def _whole(text: str) -> int | None:
    return Form({"x": text}.items()).whole("x")


def _number(text: str) -> float | None:
    return Form({"x": text}.items()).fraction("x")
