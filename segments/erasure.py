"""Who was erased, told without saying who: ids are compared by keyed digests, and found in bytes only where they stand whole.

Keyed BLAKE2b (RFC 7693): without the installation's key nobody can try member numbers until one fits.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

_DIGEST = 16
_PLACES = ("userId", "anonymousId", "previousId", "groupId", "user_id", "anonymous_id", "previous_id")


def digest_of(key: bytes, value: str) -> bytes:
    """What stands for an id in the list of erased ones: 16 bytes."""
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST).digest()


def ids_in(document: object) -> Iterator[str]:
    """Ids of persons in an event's JSON object, or in a batch of such."""
    if isinstance(document, list):
        for part in document:
            yield from ids_in(part)
    elif isinstance(document, dict):
        yield from (value for place in _PLACES if isinstance(value := document.get(place), str))
        if "batch" in document:
            yield from ids_in(document["batch"])


def ids_in_bytes(raw: bytes) -> set[str]:
    """Ids of persons in bytes that should be JSON; none in bytes that are not."""
    try:
        return set(ids_in(msgspec.json.decode(raw)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()


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


def without_ids(detail: dict[str, Any]) -> dict[str, Any]:
    """What stays of an audit entry's detail that names an erased person."""
    return {"erased": True, "fields": sorted(detail)}
