"""The campaign editor's form: its fields as they are typed. `campaign_draft` makes a draft of them, `campaign_buttons` changes them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from admin_ui import content_form, journey_form, repetition_form, rule_form, trigger_form, winner_form
from admin_ui.content_form import FIRST, Fields
from admin_ui.forms import Form
from admin_ui.rule_tree import Node, placed
from campaigns.campaign import Devices, Policy, Priority, QuietPolicy
from campaigns.content import MOST_VARIANTS
from campaigns.journey_checks import MOST_STEPS

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
    "shape": "push",
    "steps": "0",
    "exits": "",
    "exit_event": "Order Completed",
    "own_exit": "",
    "variants": "1",
    "variant": "0",
    "phone": "ios",
    "screen": "light",
}
FIELDS: Mapping[str, str] = {**OWN, **trigger_form.BLANK, **content_form.BLANK, **winner_form.BLANK}
"""Every field of an editor with one content, with what stands in it at first."""


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
    "shape": ("push", "journey"),
    "phone": ("ios", "android"),
    "screen": ("light", "dark"),
    **winner_form.CHOICES,
}
"""Fields that hold one of a few words; anything else becomes what stands in it at first."""
_FLAGS = ("own_zone", "names_on_lock_screen", "exits", "winner")
_SEVERAL = ("weekdays",)
NAMES = "ABCDE"
"""What versions are called at first."""


@dataclass(slots=True)
class Editor:
    """An editor as it was typed.

    Attributes:
        fields: by name; those of a content end with its slot, see `admin_ui.content_form`.
        events: what is asked of the events it waits for, in the form of the segment builder: of the one that begins it, at place
            ``r-0``, of the one that ends a journey, at ``r-1``, then one for each step.
    """

    fields: Fields = field(default_factory=lambda: dict(FIELDS))
    events: list[Node] = field(default_factory=list)

    @property
    def filters(self) -> Node:
        """What is asked of the event that begins it."""
        return self.events[0]

    @property
    def exits(self) -> Node:
        """What is asked of the event that ends a journey."""
        return self.events[1]

    @property
    def awaits(self) -> list[Node]:
        """What is asked of the event that each step waits for."""
        return self.events[2:]

    @property
    def is_journey(self) -> bool:
        """Whether it has steps."""
        return self.fields["shape"] == "journey"

    @property
    def steps(self) -> int:
        """How many steps the journey has."""
        return int(self.fields["steps"])

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
    return settled(Editor({**FIELDS, "segment_id": segment_id, "starts_day": today.isoformat()}))


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
        fields |= {name: form.raw(name, default).strip() for name, default in slot_fields(end).items()}
    steps = min(form.whole("steps") or 0, MOST_STEPS)
    fields |= {"steps": str(steps), **journey_form.read(form, steps)}
    return settled(Editor(fields, rule_form.read(form).parts))


def conversion(fields: Mapping[str, str]) -> str:
    """The event that counts as success, chosen or written."""
    return fields["own_conversion"] if fields["conversion_event"] == "own" else fields["conversion_event"]


def exit_event(fields: Mapping[str, str]) -> str:
    """The event that ends a journey, chosen or written."""
    return fields["own_exit"] if fields["exit_event"] == "own" else fields["exit_event"]


def slot_fields(end: str) -> Fields:
    """The fields of a content, with the name and the share of its version."""
    place = int(end[1:] or 0)
    return {**content_form.blank(end), f"variant_name{end}": NAMES[place], f"share{end}": ""}


def settled(editor: Editor) -> Editor:
    """The editor with a place for the filters of every event, and with every field that its parts need."""
    names = [trigger_form.event_of(editor.fields), exit_event(editor.fields)]
    names += [journey_form.event_of(editor.fields, journey_form.slot(place)) for place in range(editor.steps)]
    known = [*editor.events, *[None] * len(names)]
    editor.events = [trigger_form.condition(name, node) for name, node in zip(names, known, strict=False)]
    placed(Node(mode="all", parts=editor.events))
    for each in editor.slots:
        for name, value in slot_fields(each).items():
            editor.fields.setdefault(name, value)
    return editor
