"""Where pushes go: to Google, or to the emulator on this machine.

Which of the two is decided once, by which function made the route; neither can become the other. Google's needs a
service account. The emulator's takes loopback addresses only, trusts the emulator's own certificate authority only, and
carries a made-up credential; senders talk to the host of their route and to no other.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import google.auth.credentials
import httpx
from firebase_admin import credentials

from backend.errors import NotConfigured
from backend.push.emulator.address import require_loopback

TIMEOUT = 12.0
"""Seconds until an answer counts as missing; FCM asks for no less than ten."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a sender leads.

    Attributes:
        credential: of Google's library.
        project: Firebase project.
        address: full address of the project's ``messages:send``; None for Google's own.
        trust: TLS settings, with the authorities to trust.
        timeout: seconds.
    """

    credential: google.auth.credentials.Credentials
    project: str
    address: str | None
    trust: ssl.SSLContext
    timeout: float = TIMEOUT


def real_route(service_account_path: Path) -> Route:
    """To Google's FCM, in the project of a service account.

    Raises:
        NotConfigured: when the file cannot be read or is no service account.
    """
    try:
        certificate = credentials.Certificate(str(service_account_path))
    except (OSError, ValueError, AttributeError) as error:  # AttributeError: the file holds JSON, but no object
        raise NotConfigured(
            f"JOREN_FCM_SERVICE_ACCOUNT: {service_account_path} is no service-account file ({type(error).__name__})."
        ) from None
    trust = httpx.create_ssl_context()
    return Route(certificate.get_credential(), certificate.project_id, None, trust)


def emulator_route(url: str, ca_file: Path, *, project: str = "joren-demo", timeout: float = TIMEOUT) -> Route:
    """To the emulator on this machine.

    Args:
        url: ``https://127.0.0.1:8085`` or alike; nothing but loopback is taken.
        ca_file: the emulator's certificate authority, ``JOREN_HOME/emulator/ca.pem``.
        project: any name; part of the address.
        timeout: seconds until an answer counts as missing.

    Raises:
        NotConfigured: when the address is not https or not this machine, or the certificate authority is missing.
    """
    require_loopback(url)
    try:
        trust = ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError):
        raise NotConfigured(f"{ca_file} is missing or unreadable: start the emulator first (joren emulator).") from None
    address = str(httpx.URL(url).join(f"/v1/projects/{project}/messages:send"))
    return Route(EmulatorCredential(), project, address, trust, timeout)


class EmulatorCredential(google.auth.credentials.Credentials):
    """A credential that is none: no secret, nothing to renew, of no use at Google."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Google's library is untyped
        self.token = "emulator"  # noqa: S105 - any word will do

    def refresh(self, request: object) -> None:  # noqa: ARG002 - the base class's signature
        """Put the word back."""
        self.token = "emulator"  # noqa: S105 - any word will do
