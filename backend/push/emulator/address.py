"""Where an emulator may be: this machine, over https, and nowhere else."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from backend.errors import NotConfigured


def require_loopback(url: str) -> None:
    """Check the emulator's address.

    Raises:
        NotConfigured: when it is anything but ``https://127.0.0.1:8085`` or alike.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise NotConfigured(f"JOREN_FCM_EMULATOR: {url} must begin with https://.")
    if not is_loopback(parts.hostname or ""):
        raise NotConfigured(f"JOREN_FCM_EMULATOR: {url} is not on this machine; the emulator never is anywhere else.")
    if not _is_bare(parts):
        raise NotConfigured(f"JOREN_FCM_EMULATOR: {url} must be scheme, host and port only.")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_bare(parts: SplitResult) -> bool:
    try:
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return port_is_sound and not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)
