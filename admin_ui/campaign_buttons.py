"""What the campaign editor's buttons do: versions and steps are added, moved and taken away, filters too."""

from admin_ui import content_form, journey_list, rule_form
from admin_ui.campaign_form import NAMES, Editor, settled, slot, slot_fields
from admin_ui.content_form import FIRST
from admin_ui.rule_tree import Node
from campaigns.content import MOST_VARIANTS


def act(editor: Editor, action: str) -> Editor:
    """The editor after a button: ``variant:add``, ``variant:remove:1``, ``step:add:send``, ``step:up:2``, or one for filters."""
    verb, _, rest = action.partition(":")
    what, _, which = rest.partition(":")
    place = int(which) if which.isdecimal() else -1
    if verb == "variant":
        return _with_variant(editor) if what == "add" else _without_variant(editor, place)
    if verb == "step":
        return _with_step(editor, which) if what == "add" else _at_step(editor, what, place)
    if verb == "version":
        return _at_version(editor, what, which)
    if verb in ("filter", "unfilter"):
        editor.events = rule_form.edit(Node(mode="all", parts=editor.events), action).tree.parts
    return settled(editor)


def _with_step(editor: Editor, kind: str) -> Editor:
    editor.fields, count = journey_list.added(editor.fields, editor.steps, kind)
    editor.fields["steps"] = str(count)
    return settled(editor)


def _at_step(editor: Editor, what: str, place: int) -> Editor:
    """A step up, down or away, with what is asked of its event."""
    count, other = editor.steps, place + {"up": -1, "down": 1}.get(what, 0)
    if not (0 <= place < count and 0 <= other < count):
        return editor
    awaits = editor.awaits
    if what == "remove":
        editor.fields = journey_list.removed(editor.fields, place)
        editor.fields["steps"] = str(count - 1)
        del awaits[place]
    elif other != place:
        editor.fields = journey_list.moved(editor.fields, place, other - place)
        awaits[place], awaits[other] = awaits[other], awaits[place]
    editor.events = [editor.filters, editor.exits, *awaits]
    return settled(editor)


def _at_version(editor: Editor, what: str, which: str) -> Editor:
    """One more version of what a step sends (``version:add:2``), or one less (``version:remove:2:1``)."""
    place, _, version = which.partition(":")
    if not place.isdecimal() or int(place) >= editor.steps:
        return editor
    if what == "add":
        editor.fields = journey_list.version_added(editor.fields, int(place))
    elif version.isdecimal():
        editor.fields = journey_list.version_removed(editor.fields, int(place), int(version))
    return settled(editor)


def _with_variant(editor: Editor) -> Editor:
    """One more version to compare: begun as a copy of the one that is shown, all shares even."""
    count = len(editor.slots)
    if count < MOST_VARIANTS:
        new = slot(count)
        for name in content_form.BLANK:
            editor.fields[f"{name}{new}"] = editor.fields[f"{name}{editor.shown}"]
        editor.fields[f"variant_name{new}"] = next(name for name in NAMES if name not in _names(editor))
        editor.fields |= {"variants": str(count + 1), "variant": str(count)}
        _share_evenly(editor)
    return editor


def _without_variant(editor: Editor, place: int) -> Editor:
    count = len(editor.slots)
    if not 0 <= place < count or count == 1:
        return editor
    for moved in range(place, count - 1):
        for name in slot_fields(FIRST):
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
