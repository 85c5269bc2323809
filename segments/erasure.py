"""Who was erased, told without saying who: ids are compared by keyed digests, and found in bytes only where they stand whole.

Keyed BLAKE2b (RFC 7693): without the installation's key nobody can try member numbers until one fits. An id that came as a
number is the text that `segments.context` makes of it: 123 and "123" are one person.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from segments.salvage import split_elements

_DIGEST = 16
_PLACES = ("userId", "anonymousId", "previousId", "groupId", "user_id", "anonymous_id", "previous_id")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PLACE = rf'"(?:{"|".join(_PLACES)})"\s*:\s*'
_NUMBER_ENDS = r"(?:\.0+)?(?![0-9.eE])"
_STATED = re.compile(rb'%s("(?:[^"\\]|\\.)*"|-?[0-9]+%s)' % (_PLACE.encode(), _NUMBER_ENDS.encode()), re.DOTALL)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def digest_of(key: bytes, value: str) -> bytes:
    """What stands for an id in the list of erased ones: 16 bytes."""
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST).digest()


def ids_in(document: object) -> Iterator[str]:
    """Ids of persons in an event's JSON object, or in a batch of such."""
    if isinstance(document, list):
        for part in document:
            yield from ids_in(part)
    elif isinstance(document, dict):
        yield from (text for place in _PLACES if (text := _text(document.get(place))) is not None)
        if "batch" in document:
            yield from ids_in(document["batch"])


def _text(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def ids_in_bytes(raw: bytes) -> set[str]:
    """Ids of persons in bytes that should be JSON; in bytes that are not, those that stand where an event states them."""
    try:
        return set(ids_in(msgspec.json.decode(raw)))
    except _UNREADABLE:
        return set(_stated(raw))


def _stated(raw: bytes) -> Iterator[str]:
    for match in _STATED.finditer(raw):
        try:
            text = _text(msgspec.json.decode(match[1]))
        except _UNREADABLE:
            continue
        if text is not None:
            yield text


def quoted(values: Iterable[str]) -> list[bytes]:
    """How ids stand in JSON text, as themselves and with everything beyond ASCII escaped, quotes around them.

    The quotes matter: without them the member number 12 would be found in 3128.
    """
    forms = {msgspec.json.encode(value) for value in values} | {_escaped(value) for value in values}
    return sorted(forms)


def _escaped(value: str) -> bytes:
    return json.dumps(value).encode()


def mentions(raw: bytes, forms: Iterable[bytes]) -> bool:
    """Whether one of the `quoted` ids stands in these bytes."""
    return any(form in raw for form in forms)


def stated_as_numbers(values: Iterable[str]) -> str | None:
    """A regular expression, for PostgreSQL and Python, that finds the ids where an event states them without quotes.

    None where no id can be a number. Only there: elsewhere the number may be anything, a price or another's number.
    """
    numbers = sorted(value for value in values if _NUMBER.fullmatch(value))
    return f"{_PLACE}(?:{'|'.join(numbers)}){_NUMBER_ENDS}" if numbers else None


def without_gone(raw: bytes, *, is_gone: Callable[[bytes], bool]) -> bytes | None:
    """What stays of a failed event's bytes; None where nothing does.

    Args:
        raw: the bytes as they were kept: a call, or a list of calls of persons who have nothing to do with one another.
        is_gone: whether bytes name somebody who was erased.
    """
    elements = split_elements(raw)
    if elements is None:
        return None if is_gone(raw) else raw
    left = [element for element in elements if not is_gone(element)]
    if len(left) == len(elements):
        return raw
    return b"[" + b",".join(left) + b"]" if left else None
