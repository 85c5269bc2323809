"""What one version of a campaign says otherwise than another: the fields that differ, named as people know them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from admin_ui.i18n import Say, mark
from campaigns.campaign import Draft
from campaigns.definition import to_json

_NAMES: Mapping[str, str] = {
    "name": mark("Campaign name"),
    "segment_id": mark("Segment"),
    "content": mark("Content"),
    "variants": mark("Version of the text"),
    "steps": mark("Step"),
    "title": mark("Title"),
    "body": mark("Body"),
    "link": mark("Link"),
    "image": mark("Image"),
    "coupon_id": mark("Attached coupon"),
    "buttons": mark("Buttons"),
    "sound": mark("Sound"),
    "badge": mark("Number on the app's icon"),
    "share": mark("Share"),
    "trigger": mark("What begins it"),
    "rrule": mark("Rule of repetition"),
    "starts_at": mark("First possible day and time"),
    "until": mark("Until"),
    "event": mark("Event"),
    "where": mark("Filter"),
    "delay": mark("Wait before sending"),
    "time": mark("Wait"),
    "timeout": mark("Wait"),
    "at": mark("Time"),
    "days": mark("days"),
    "reentry": mark("The same member again"),
    "holdout_percent": mark("Holdout"),
    "conversion_event": mark("Success"),
    "conversion_days": mark("Within"),
    "scheduled_at": mark("When"),
    "expires_after_hours": mark("Not after"),
    "policy": mark("How it is sent"),
    "priority": mark("How it stands against other campaigns"),
    "devices": mark("Phones"),
    "quiet": mark("Quiet hours"),
    "own_zone": mark("Go by each member's own clock"),
    "rate_per_minute": mark("messages a minute"),
    "hypothesis": mark("What you expect, and why"),
    "goal_target": mark("Target rate"),
    "tags": mark("Tags"),
    "names_on_lock_screen": mark("Texts may show the family name"),
    "exits_on": mark("What ends it"),
    "winner": mark("Test of the versions"),
}  # fmt: skip
_LANGUAGES = {"ja": "日本語", "en": "English"}
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; a dash for where there was, or is, nothing."""

    field: str
    before: str
    after: str


def changes(before: Draft, after: Draft, say: Say) -> list[Change]:
    """What ``after`` says otherwise."""
    old, new = (dict(_leaves(to_json(draft))) for draft in (before, after))
    paths = dict.fromkeys([*new, *old])
    return [
        Change(_label(path, say), old.get(path, _NOTHING), new.get(path, _NOTHING))
        for path in paths
        if old.get(path) != new.get(path)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        for place, part in enumerate(value):
            yield from _leaves(part, f"{path}[{place}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)


def _label(path: str, say: Say) -> str:
    """``variants[1].content.ja.title`` as words; what is inside of what stands before it."""
    said: list[str] = []
    for part in path.split("."):
        name, _, place = part.rstrip("]").partition("[")
        word = _NAMES.get(name)
        known = _LANGUAGES.get(name) or (say(word) if word else name)
        said.append(f"{known} {int(place) + 1}" if place.isdecimal() else known)
    return " · ".join(said)
