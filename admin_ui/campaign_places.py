"""Where things stand in the campaign editor: the field of a place in a draft, its step, and what is said of a refusal."""

import re
from collections.abc import Mapping

from admin_ui import content_form, journey_form, trigger_form, winner_form
from admin_ui.campaign_form import FIELDS, Editor, slot
from admin_ui.campaign_words import SENTENCES
from admin_ui.error_words import text_words
from admin_ui.forms import Errors
from admin_ui.i18n import Say

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
_PLACE = re.compile(r"(?:variants\[(?P<variant>\d+)\]\.)?content(?:\.(?P<rest>.*))?")
_PART = re.compile(r"(?P<of>steps|variants)\[(?P<place>\d+)\]\.(?P<rest>.*)")

_VERSION = re.compile(r"variants\[(?P<which>\d+)\]\.(?:content(?:\.(?P<rest>.*))?|(?P<part>share|name))")
_OF_STEP = re.compile(r"(?P<step>s\d+)(?:v(?P<which>\d+))?")

_FIELD_OF: Mapping[str, str] = {
    **trigger_form.FIELD_OF,
    **winner_form.FIELD_OF,
    "expires_after": "expires_hours",
    "rate_per_minute": "rate",
    "variants": "variants",
}
"""Fields of a draft that are called differently in the form."""


def refused(path: str, message: str, say: Say, *, code: str = "") -> str:
    """What to say of a refusal at a place in a draft."""
    name = {"payload": "payload", "name_on_lock_screen": "names"}.get(code) or _plain(field_of(path))
    if name == "names" and "given name" in message:
        name = "given_name"
    if path == "segment_id" and "begins" in message:
        name = "segment_again"
    if "copy" in message:
        name = "counted"
    if name in SENTENCES:
        return say(SENTENCES[name])
    if message.lower().startswith("write this language"):
        return say("Write this language for every platform first.")
    if message.startswith(("write a ", "Write a ")):
        return say("Write a title and a body, or leave this language empty.")
    return text_words(message, say)


def field_of(path: str) -> str:
    """The form's field for a place in a draft, such as ``variants[1].content.ja.title``."""
    if path in _FIELD_OF or path in FIELDS:
        return _FIELD_OF.get(path, path)
    if content := _PLACE.fullmatch(path):
        return content_form.field_of(content["rest"] or "content") + slot(int(content["variant"] or 0))
    if part := _PART.fullmatch(path):
        place, rest = int(part["place"]), part["rest"]
        named = {"share": "share", "name": "variant_name"}
        return _step_field(place, rest) if part["of"] == "steps" else named.get(rest, "variants") + slot(place)
    begin = re.split(r"[.\[]", path)[0]
    return {"trigger": "filters", "exits_on": "own_exit"}.get(begin, begin or "form")


def _step_field(place: int, rest: str) -> str:
    end = journey_form.slot(place)
    if variant := _VERSION.fullmatch(rest):
        own = journey_form.slot(place, int(variant["which"]))
        named = {"share": "share", "name": "variant_name"}
        return (named.get(variant["part"] or "") or content_form.field_of(variant["rest"] or "content")) + own
    if rest.startswith("variants"):
        return f"step_variants{end}"
    if rest == "content" or rest.startswith("content."):
        return content_form.field_of(rest.removeprefix("content").lstrip(".") or "content") + end
    if part := re.match(r"parts\[(\d+)\]", rest):
        return f"step_percent{part[1]}{end}"
    return journey_form.FIELD_OF.get(re.split(r"[.\[]", rest)[0], "steps") + end


def sentence_of(name: str) -> str:
    """What is said of a field whose text is none of what it holds."""
    return SENTENCES[_plain(name)]


def first_step(errors: Errors, wanted: str = "") -> str:
    """The step to open: the first one with an error, else the one that was wanted."""
    return next(iter(wrong_steps(errors)), wanted if wanted in STEPS else STEPS[0])


def wrong_steps(errors: Errors) -> tuple[str, ...]:
    """The steps that hold an error, in their order."""
    found = {_step_of(name) for name in errors}
    return tuple(step for step in STEPS if step in found)


def opened(editor: Editor, errors: Errors) -> Editor:
    """The editor with the tabs open that hold an error."""
    for name in errors:
        plain, _, place = name.partition(".")
        if plain in content_form.BLANK or plain in ("share", "variant_name", "content"):
            if of_step := _OF_STEP.fullmatch(place):
                editor.fields[f"step_variant.{of_step['step']}"] = of_step["which"] or "0"
            else:
                editor.fields["variant"] = place or "0"
            if language := re.search(r"(?:^|_)(ja|en)_(?:title|body)", plain):
                editor.fields[f"shown.{place}" if place else "shown"] = language[1]
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
    if plain.startswith("step_percent"):
        return "step_percent"
    return {
        "own_conversion": "conversion_event",
        "own_exit": "step_own",
        "step_timeout": "step_length",
        "step_variants": "variants",
    }.get(plain, plain)
