"""Random keys that machines show: how one is made, and what of it is kept."""

import hashlib
import secrets
from dataclasses import dataclass, field

_BYTES = 16
_HINT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A key that was just made. ``text`` is for its holder only; ``digest`` and ``hint``, its end, are kept."""

    text: str = field(repr=False)
    digest: bytes
    hint: str


def mint(prefix: str) -> NewSecret:
    """A new key of 128 random bits; its prefix says what it is, so that a scanner of published code finds it."""
    text = prefix + secrets.token_hex(_BYTES)
    return NewSecret(text=text, digest=digest(text), hint=text[-_HINT:])


def digest(text: str) -> bytes:
    """What is kept of a key. It holds 128 random bits, so a fast hash protects it well."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
