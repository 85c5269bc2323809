"""Public keys as people paste them: PEM, a certificate or a JWK, of a kind that is strong enough."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from backend.errors import BadInput

Key = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

SHORTEST_RSA = 3072
"""Bits: 128 bits of strength. What most tools make by default, 2048, is below that."""
LONGEST_RSA = 8192
LONGEST_TEXT = 16_384
LONGEST_KID = 100

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "k"})
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_BROKEN = (ValueError, TypeError, InvalidKeyError, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key that may check tokens.

    Attributes:
        kid: the name tokens call it by: the one given, else the JWK's, else its RFC 7638 thumbprint.
        algorithm: ES256, EdDSA or RS256: the one that this kind of key allows, whatever a token says.
        pem: as it is kept.
    """

    kid: str
    algorithm: str
    pem: str


def read_public_key(text: str, *, kid: str | None = None) -> PublicKey:
    """Read a public key.

    Raises:
        BadInput: no public key, a private one, one that is too weak, or a ``kid`` that does not fit.
    """
    text = text.strip()
    if "PRIVATE KEY" in text:
        raise _private()
    if len(text) > LONGEST_TEXT:
        raise _unreadable()
    jwk = _jwk(text) if text.startswith("{") else None
    try:
        key = _from_jwk(jwk) if jwk is not None else _from_pem(text.encode())
    except _BROKEN:
        raise _unreadable() from None
    algorithm, own = _algorithm_of(key), jwk.get("kid") if jwk is not None else None
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey(kid=_checked_kid(kid or own or _thumbprint(key)), algorithm=algorithm, pem=pem)


def load(pem: str) -> Key:
    """A key as it was kept."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, Key)  # noqa: S101 - only `read_public_key` keeps keys
    return key


def _jwk(text: str) -> dict[str, Any]:
    try:
        jwk = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise _unreadable() from None
    if _PRIVATE_MEMBERS & jwk.keys():
        raise _private()
    return jwk


def _from_jwk(jwk: dict[str, Any]) -> Any:
    readers: dict[Any, Any] = {"EC": ECAlgorithm, "OKP": OKPAlgorithm, "RSA": RSAAlgorithm}
    reader = readers.get(str(jwk.get("kty")))
    if reader is None:
        raise _unreadable()
    return reader.from_jwk(jwk)


def _from_pem(text: bytes) -> Any:
    if b"BEGIN CERTIFICATE" in text:
        return load_pem_x509_certificate(text).public_key()
    return load_pem_public_key(text)


def _algorithm_of(key: Any) -> str:
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, RSAPublicKey) and SHORTEST_RSA <= key.key_size <= LONGEST_RSA:
        return "RS256"
    wanted = f"P-256 (ES256), Ed25519 (EdDSA) or RSA of {SHORTEST_RSA} to {LONGEST_RSA} bits (RS256)"
    raise BadInput(f"This kind of key is not accepted: use {wanted}.", code="weak_key", field="public_key")


def _thumbprint(key: Key) -> str:
    if isinstance(key, EllipticCurvePublicKey):
        jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, RSAPublicKey):
        jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key, as_dict=True)
    members = {name: jwk[name] for name in _THUMBPRINT[jwk["kty"]]}
    digest = hashlib.sha256(msgspec.json.encode(members, order="sorted")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _checked_kid(kid: Any) -> str:
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID or not kid.isprintable() or kid != kid.strip():
        raise BadInput(f"A kid has 1 to {LONGEST_KID} printable characters.", code="bad_kid", field="kid")
    return kid


def _private() -> BadInput:
    sentence = "This is a private key: it stays on your server and nowhere else. Give its public key."
    return BadInput(sentence, code="private_key", field="public_key")


def _unreadable() -> BadInput:
    sentence = "This is not a public key: paste one PEM text (BEGIN PUBLIC KEY), certificate, or JWK."
    return BadInput(sentence, code="bad_public_key", field="public_key")
