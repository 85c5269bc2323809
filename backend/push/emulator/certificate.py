"""A certificate for this machine's own addresses, made at first start.

The authority's key is thrown away once it has signed, and its certificate may vouch for loopback names only: who
trusts it trusts nothing else.
"""

import datetime as dt
import fcntl
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=800)
_MARGIN = dt.timedelta(days=30)
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of the files: the authority to trust, and the server's chain with its key."""

    authority: Path
    server: Path


def ensure(folder: Path) -> Certificate:
    """The certificate in ``folder``, made or renewed where needed; safe to call from several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = Certificate(folder / "ca.pem", folder / "server.pem")
    with (folder / "certificate.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh(certificate):
            _make(certificate)
    return certificate


def _is_fresh(certificate: Certificate) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(certificate.authority.read_bytes())
        server = x509.load_pem_x509_certificate(certificate.server.read_bytes())
        server.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError):
        return False
    except Exception as error:  # noqa: BLE001 - a signature that does not fit has no public class of its own
        return bool(error is None)
    return server.not_valid_after_utc - _now() > _MARGIN


def _make(certificate: Certificate) -> None:
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    server = _server(server_key, authority=authority, authority_key=authority_key)
    key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(certificate.server, server.public_bytes(Encoding.PEM) + key)
    _replace(certificate.authority, authority.public_bytes(Encoding.PEM))


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _named("Joren emulator, this machine only")
    loopback = [x509.DNSName("localhost"), *(x509.IPAddress(network) for network in _LOOPBACK)]
    return (
        _begun(name, issuer=name, key=key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=loopback, excluded_subtrees=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, *, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1"))]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _begun(_named("Joren emulator"), issuer=authority.subject, key=key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begun(name: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - dt.timedelta(days=1))
        .not_valid_after(_now() + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
