"""What the editor's buttons do to the list of a journey's steps, and to the versions that one of them compares."""

import re
from collections.abc import Callable

from admin_ui import content_form
from admin_ui.campaign_form import NAMES
from admin_ui.content_form import Fields
from admin_ui.journey_form import BLANK, KINDS, MOST_PARTS, slot, slots, unused_labels, version_fields
from campaigns.content import MOST_VARIANTS
from campaigns.journey_checks import MOST_STEPS

_OF_STEP = re.compile(r"(?P<name>.*)\.s(?P<place>\d+)(?:v(?P<which>\d+))?")
_TARGETS = ("step_late", "step_otherwise", "step_to", *(f"step_to{number}" for number in range(MOST_PARTS)))


def added(fields: Fields, count: int, kind: str) -> tuple[Fields, int]:
    """The fields with one more step at the end."""
    if count >= MOST_STEPS or kind not in KINDS:
        return fields, count
    taken = {fields[f"step_label{slot(place)}"] for place in range(count)}
    own = {**BLANK, "step_kind": kind, "step_label": next(unused_labels(taken))}
    named = {f"{name}{slot(count)}": value for name, value in own.items()}
    return {**fields, **version_fields(count, 0), **named}, count + 1


def moved(fields: Fields, place: int, by: int) -> Fields:
    """The fields with a step and the one above or below it in each other's place."""
    other = {place: place + by, place + by: place}
    return _numbered(fields, lambda step, which: (other.get(step, step), which))


def removed(fields: Fields, place: int) -> Fields:
    """The fields without a step; what led to it leads nowhere of its own any more."""
    gone = fields[f"step_label{slot(place)}"]
    left = _numbered(fields, lambda step, which: None if step == place else (step - (step > place), which))
    return {
        name: "" if value == gone and (found := _OF_STEP.fullmatch(name)) and found["name"] in _TARGETS else value
        for name, value in left.items()
    }


def version_added(fields: Fields, place: int) -> Fields:
    """One more version of what a step sends: begun as a copy of the one that is shown, all shares even."""
    versions = slots(fields, place)
    if len(versions) >= MOST_VARIANTS:
        return fields
    shown = versions[min(int(fields[f"step_variant{slot(place)}"] or 0), len(versions) - 1)]
    found = {**fields, f"step_variants{slot(place)}": str(len(versions) + 1)}
    taken = {fields[f"variant_name{each}"] for each in versions} if len(versions) > 1 else set[str]()
    if not taken:
        found[f"variant_name{versions[0]}"] = NAMES[0]
        taken = {NAMES[0]}
    end = slot(place, len(versions))
    found |= {f"{name}{end}": fields[f"{name}{shown}"] for name in content_form.BLANK}
    found |= {f"variant_name{end}": next(name for name in NAMES if name not in taken)}
    found[f"step_variant{slot(place)}"] = str(len(versions))
    return _shared_evenly(found, place)


def version_removed(fields: Fields, place: int, which: int) -> Fields:
    """The fields without one version of what a step sends."""
    count = len(slots(fields, place))
    if not 0 <= which < count or count == 1:
        return fields
    own = {f"{name}{slot(place)}": fields[f"{name}{slot(place)}"] for name in BLANK}

    def place_of(step: int, version: int) -> tuple[int, int] | None:
        if step != place:
            return step, version
        return None if version == which else (step, version - (version > which))

    found = _numbered({name: value for name, value in fields.items() if name not in own}, place_of) | own
    found |= {f"step_variants{slot(place)}": str(count - 1), f"step_variant{slot(place)}": str(min(which, count - 2))}
    return _shared_evenly(found, place)


def _shared_evenly(fields: Fields, place: int) -> Fields:
    versions = slots(fields, place)
    even = {f"share{each}": str(100 // len(versions) + (n < 100 % len(versions))) for n, each in enumerate(versions)}
    return fields | even


def _numbered(fields: Fields, place_of: Callable[[int, int], tuple[int, int] | None]) -> Fields:
    """The fields with other places of steps and versions; those that get none go."""
    found: Fields = {}
    for name, value in fields.items():
        own = _OF_STEP.fullmatch(name)
        if own is None:
            found[name] = value
        elif (to := place_of(int(own["place"]), int(own["which"] or 0))) is not None:
            found[own["name"] + slot(*to)] = value
    return found
