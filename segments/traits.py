"""Traits of a person: known ones under one name each, and of each the word that was spoken last."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

NAMES: dict[str, str] = {
    "last_name": "family_name",
    "lastName": "family_name",
    "familyName": "family_name",
    "first_name": "given_name",
    "firstName": "given_name",
    "givenName": "given_name",
    "birthdate": "birthday",
    "dateOfBirth": "birthday",
    "state": "prefecture",
    "locale": "language",
    "phone_number": "phone",
    "phoneNumber": "phone",
}
"""Other names of the traits that Joren understands."""

PUSH_CONSENT = "push_consent"
MOST_TRAITS = 200
LONGEST_TEXT = 1000
MOST_TEXTS = 100
"""Texts of a trait that holds several."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def normalise(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Traits under the names that Joren understands; unknown scalars and lists of texts as they are, other structures left out.

    A trait's own name goes before its other names. None means: forget it.
    """
    known: dict[str, Any] = {}
    address = traits.get("address")
    if isinstance(address, Mapping) and isinstance(address.get("state"), str):
        known["prefecture"] = address["state"]
    for name, value in traits.items():
        if name in NAMES and NAMES[name] not in traits:
            known[NAMES[name]] = value
    known |= {name: value for name, value in traits.items() if name not in NAMES}
    kept = {name: _short(value) for name, value in known.items() if _is_kept(value)}
    return dict(list(kept.items())[:MOST_TRAITS])


def merge(
    old: Mapping[str, Any], times: Mapping[str, int], new: Mapping[str, Any], at: datetime
) -> tuple[dict[str, Any], dict[str, int]]:
    """Old traits with new ones of a moment, trait by trait the later word: any order of merging gives the same.

    Of two words of the same moment the one merged later stands.
    """
    moment = microseconds(at)
    return merge_timed(old, times, new, dict.fromkeys(new, moment))


def merge_timed(
    old: Mapping[str, Any], times: Mapping[str, int], new: Mapping[str, Any], new_times: Mapping[str, int]
) -> tuple[dict[str, Any], dict[str, int]]:
    """`merge` where each new trait has a moment of its own; times of forgotten traits are kept."""
    merged, merged_times = dict(old), dict(times)
    for name, moment in new_times.items():
        if moment >= merged_times.get(name, moment):
            merged_times[name] = moment
            merged.pop(name, None)
            if new.get(name) is not None:
                merged[name] = new[name]
    return merged, merged_times


def microseconds(at: datetime) -> int:
    """A moment as whole microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def birthday(value: Any) -> date | None:
    """A birthday written YYYY-MM-DD, with or without a time behind it."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _is_kept(value: Any) -> bool:
    return _is_texts(value) or value is None or isinstance(value, str | int | float | bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_TEXTS and all(isinstance(one, str) for one in value)


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [text[:LONGEST_TEXT] for text in value]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
