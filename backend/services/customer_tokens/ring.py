"""Checks customer tokens with the keys of one source: signature and form; whom they are for is judged event by event.

What a token's header says is never followed: no key or address of a key in it (``jwk``, ``jku``, ``x5u``, ``x5c``) is
looked at, ``crit`` and ``b64`` refuse it, and the algorithm is the key's, so ``none`` and HMAC can never be chosen.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidTokenError

from backend.services.customer_tokens.public_keys import Key, load
from segments.tokens import LONGEST_LIFE, Claims, Verdict

MOST_CHECKS = 32
"""Different tokens that one request has checked. A phone sends one or two; a check costs a third of a millisecond."""

_REMEMBERED = 5_000
_ALGORITHMS = ("ES256", "EdDSA", "RS256")
_JWS = PyJWS(algorithms=_ALGORITHMS)


class _Payload(msgspec.Struct):
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float | None = None
    nbf: int | float | None = None


_PAYLOAD = msgspec.json.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of a source: kept text, not loaded yet."""

    kid: str
    algorithm: str
    pem: str
    retired: bool


class KeyRing:
    """The keys of one source, and the tokens they were found to have signed.

    Attributes:
        used: kids of tokens that were checked and good since somebody last emptied it.
    """

    def __init__(self, *, audience: str, keys: Sequence[RingKey]) -> None:
        self.made_of = (audience, tuple(keys))
        self.used: set[str] = set()
        self._audience = audience
        self._keys: dict[str, tuple[str, Key]] = {
            key.kid: (key.algorithm, load(key.pem)) for key in keys if not key.retired
        }
        self._retired = frozenset(key.kid for key in keys if key.retired)
        self._good: OrderedDict[bytes, Claims] = OrderedDict()

    def recall(self, token: str) -> Claims | None:
        """What a token claims that was checked before and good."""
        digest = _digest(token)
        claims = self._good.get(digest)
        if claims is not None:
            self._good.move_to_end(digest)
        return claims

    def check(self, token: str) -> Claims | Verdict:
        """Check a token's signature and form."""
        try:
            header = _JWS.get_unverified_header(token)
        except (InvalidTokenError, ValueError):
            return Verdict.UNREADABLE
        kid = header.get("kid")
        if not isinstance(kid, str):
            return Verdict.UNREADABLE
        fault = self._fault_of(header, kid)
        if fault is not None:
            return fault
        algorithm, key = self._keys[kid]
        try:
            payload = _JWS.decode(token, key, algorithms=[algorithm])
        except (InvalidTokenError, ValueError):
            return Verdict.SIGNATURE
        claims = self._claims(payload)
        if isinstance(claims, Claims):
            self.used.add(kid)
            self._remember(token, claims)
        return claims

    def _fault_of(self, header: dict[str, Any], kid: str) -> Verdict | None:
        if kid not in self._keys:
            return Verdict.RETIRED_KEY if kid in self._retired else Verdict.UNKNOWN_KEY
        if header.get("alg") != self._keys[kid][0]:
            return Verdict.ALGORITHM
        typ = header.get("typ", "JWT")
        well_formed = isinstance(typ, str) and typ.upper() == "JWT" and "crit" not in header and "b64" not in header
        return None if well_formed else Verdict.UNREADABLE

    def _claims(self, payload: bytes) -> Claims | Verdict:
        try:
            said = _PAYLOAD.decode(payload)
            ends = _moment(said.exp)
            starts = [_moment(start) for start in (said.iat, said.nbf) if start is not None]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError, OSError):
            return Verdict.UNREADABLE
        if not said.sub or not starts:
            return Verdict.UNREADABLE
        if self._audience not in ([said.aud] if isinstance(said.aud, str) else said.aud):
            return Verdict.AUDIENCE
        if ends - min(starts) > LONGEST_LIFE:
            return Verdict.LIFETIME
        return Claims(subject=said.sub, begins=max(starts), ends=ends)

    def _remember(self, token: str, claims: Claims) -> None:
        self._good[_digest(token)] = claims
        if len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)


class RequestReader:
    """Reads the tokens of one request: each different one once, and not endlessly many."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._seen: dict[str, Claims | Verdict] = {}
        self._left = MOST_CHECKS

    def __call__(self, token: str) -> Claims | Verdict:
        """What a token claims, or why it proves nothing."""
        known = self._seen.get(token) or self._ring.recall(token)
        if known is None and not self._left:
            return Verdict.TOO_MANY
        if known is None:
            self._left -= 1
            known = self._ring.check(token)
        self._seen[token] = known
        return known


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()
